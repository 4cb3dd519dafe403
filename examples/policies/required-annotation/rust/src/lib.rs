//! Required annotation, by the SDK that most policies of Kubewarden are written with.
use kubewarden_policy_sdk::{
    accept_request, protocol_version_guest, reject_request, request::ValidationRequest,
    settings::Validatable, validate_settings,
};
use serde::{Deserialize, Serialize};
use wapc_guest::{register_function, CallResult};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Settings {
    annotation: String,
}

impl Validatable for Settings {
    fn validate(&self) -> Result<(), String> {
        if self.annotation.is_empty() {
            return Err("annotation must not be empty".to_string());
        }
        Ok(())
    }
}

#[no_mangle]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings::<Settings>);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let asked: ValidationRequest<Settings> = ValidationRequest::new(payload)?;
    let key = &asked.settings.annotation;
    let value = &asked.request.object["metadata"]["annotations"][key];
    if value.is_string() {
        return accept_request();
    }
    reject_request(
        Some(format!("annotation \"{key}\" is missing")),
        None,
        None,
        None,
    )
}
