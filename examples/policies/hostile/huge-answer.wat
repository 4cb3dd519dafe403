;; Answers with 64 MiB of the letter a.
(func $validate_settings (result i32) (call $settings_ok))
(func $validate (result i32)
  (if (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)) (then (unreachable)))
  (memory.fill (i32.const 131072) (i32.const 97) (i32.const 67108864))
  (call $guest_response (i32.const 131072) (i32.const 67108864))
  (i32.const 1))
