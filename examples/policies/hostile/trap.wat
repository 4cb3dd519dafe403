;; Traps in validate.
(func $validate_settings (result i32) (call $settings_ok))
(func $validate (result i32) (unreachable))
