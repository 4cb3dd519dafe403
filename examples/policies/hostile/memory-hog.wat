;; Takes all memory it can get and touches every page of it, then goes on without end.
(func $validate_settings (result i32) (call $settings_ok))
(func $validate (result i32)
  (loop $more
    (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1))
      (then
        (memory.fill
          (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1048576))
          (i32.const 7)
          (i32.const 1048576))
        (br $more))))
  (unreachable))
