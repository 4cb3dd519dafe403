import { wat } from "../testing/guests.ts";

/**
 * A guest that answers every operation with the bytes that its payload names in hexadecimal as `"answer":"..."`, and with
 * consent where there is none. It takes payloads below 2 MiB.
 */
export function echoGuest(): Promise<Uint8Array<ArrayBuffer>> {
  return wat(`(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $respond (param i32 i32)))
    (memory (export "memory") 64)
    (data (i32.const 0) "{\\"valid\\":true,\\"accepted\\":true}")
    (data (i32.const 64) "\\"answer\\":\\"")
    (func $digit (param $code i32) (result i32)
      (i32.add (i32.and (local.get $code) (i32.const 15))
        (i32.mul (i32.shr_u (local.get $code) (i32.const 6)) (i32.const 9))))
    (func (export "__guest_call") (param $operation i32) (param $length i32) (result i32)
      (local $at i32) (local $end i32) (local $out i32)
      (call $request (i32.const 128) (i32.const 1024))
      (local.set $at (i32.const 1024))
      (local.set $end (i32.add (i32.const 1024) (local.get $length)))
      (block $found
        (loop $search
          (if (i32.ge_u (i32.add (local.get $at) (i32.const 10)) (local.get $end))
            (then (call $respond (i32.const 0) (i32.const 30)) (return (i32.const 1))))
          (br_if $found (i32.and
            (i64.eq (i64.load (local.get $at)) (i64.load (i32.const 64)))
            (i32.eq (i32.load16_u offset=8 (local.get $at)) (i32.load16_u (i32.const 72)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $search)))
      (local.set $at (i32.add (local.get $at) (i32.const 10)))
      (local.set $out (i32.const 2097152))
      (block $done
        (loop $copy
          (br_if $done (i32.eq (i32.load8_u (local.get $at)) (i32.const 34)))
          (i32.store8 (local.get $out) (i32.add
            (i32.mul (call $digit (i32.load8_u (local.get $at))) (i32.const 16))
            (call $digit (i32.load8_u offset=1 (local.get $at)))))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (br $copy)))
      (call $respond (i32.const 2097152) (i32.sub (local.get $out) (i32.const 2097152)))
      (i32.const 1)))`);
}
