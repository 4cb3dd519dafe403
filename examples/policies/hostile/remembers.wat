;; Accepts its first request and refuses every later one, if any state reaches it: in memory or in a global.
(global $calls (mut i32) (i32.const 0))
(func $validate_settings (result i32) (call $remember) (call $settings_ok))
(func $remember
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1))))
(func $validate (result i32)
  (call $remember)
  (if (i32.and (i32.eq (global.get $calls) (i32.const 1)) (i32.eq (i32.load (i32.const 1024)) (i32.const 1)))
    (then (return (call $accept))))
  (call $guest_response (i32.const 128) (i32.const 60))
  (i32.const 1))
