import { wat } from "./guests.ts";

export type Asking = { namespace: string; operation: string; question: unknown };

/** Where the parts of a host call are in a guest's memory, as arguments of the call, and the memory itself. */
function callOf({ namespace, operation, question }: Asking): { call: string; data: string } {
  const asked = JSON.stringify(question);
  const at = [0, 10, 10 + namespace.length, 1000];
  const lengths = [10, namespace.length, operation.length, new TextEncoder().encode(asked).length];
  return {
    call: `(call $host_call ${at.map((each, index) => `(i32.const ${each}) (i32.const ${lengths[index]})`).join(" ")})`,
    data: `(memory (export "memory") 16)
      (data (i32.const 0) "kubewarden${namespace}${operation}")
      (data (i32.const 500) "{\\"accepted\\":true,\\"valid\\":true}")
      (data (i32.const 1000) "${asked.replace(/["\\]/g, "\\$&")}")`,
  };
}

const eightNumbers = "(param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)";

/** A waPC guest that asks the host this for every request: what it is told as an error is its own, else it accepts. */
export function asking(what: Asking): Promise<Uint8Array<ArrayBuffer>> {
  const { call, data } = callOf(what);
  return wat(`(module
    (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
    (import "wapc" "__guest_error" (func $guest_error (param i32 i32)))
    (import "wapc" "__host_error_len" (func $error_length (result i32)))
    (import "wapc" "__host_error" (func $error (param i32)))
    (import "wapc" "__host_call" (func $host_call ${eightNumbers}))
    ${data}
    (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
      (if (i32.eq (local.get $operation) (i32.const ${"validate".length}))
        (then (if (i32.eqz ${call}) (then
          (call $error (i32.const 900000))
          (call $guest_error (i32.const 900000) (call $error_length))
          (return (i32.const 0))))))
      (call $guest_response (i32.const 500) (i32.const 30)) (i32.const 1)))`);
}

/**
 * A WASI command that asks the host this for every request and says on standard error what it is told: an error makes it
 * fail, else it accepts.
 */
export function askingCommand(what: Asking): Promise<Uint8Array<ArrayBuffer>> {
  const { call, data } = callOf(what);
  const wasi = "wasi_snapshot_preview1";
  return wat(
    `(module
    (import "host" "call" (func $host_call ${eightNumbers}))
    (import "${wasi}" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "${wasi}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "${wasi}" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
    (import "${wasi}" "proc_exit" (func $exit (param i32)))
    ${data}
    (func $say (param $fd i32) (param $at i32) (param $length i32)
      (i32.store (i32.const 600) (local.get $at)) (i32.store (i32.const 604) (local.get $length))
      (drop (call $fd_write (local.get $fd) (i32.const 600) (i32.const 1) (i32.const 608))))
    (func $read (result i32)
      (i32.store (i32.const 600) (i32.const 500000)) (i32.store (i32.const 604) (i32.const 500000))
      (drop (call $fd_read (i32.const 0) (i32.const 600) (i32.const 1) (i32.const 608)))
      (i32.load (i32.const 608)))
    (func (export "_start") (local $failed i32)
      (drop (call $args_sizes_get (i32.const 612) (i32.const 616)))
      (if (i32.eq (i32.load (i32.const 616)) (i32.const ${"policy.wasm validate ".length})) (then
        (block $end (loop $more (br_if $end (i32.eqz (call $read))) (br $more)))
        (local.set $failed ${call})
        (call $say (i32.const 2) (i32.const 500000) (call $read))
        (if (local.get $failed) (then (call $exit (i32.const 1))))))
      (call $say (i32.const 1) (i32.const 500) (i32.const 30))))`,
    { rules: [], mutating: false, executionMode: "wasi" },
  );
}
