// Package policy is the decision itself, the same for both kinds of guest.
package policy

import (
	"encoding/json"
	"fmt"
)

type settings struct {
	Annotation *string `json:"annotation"`
}

type question struct {
	Request struct {
		Object struct {
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		} `json:"object"`
	} `json:"request"`
	Settings settings `json:"settings"`
}

// Validate answers the payload of `validate`.
func Validate(payload []byte) ([]byte, error) {
	var asked question
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, err
	}
	if asked.Settings.Annotation == nil {
		return nil, fmt.Errorf("the settings name no annotation")
	}
	name := *asked.Settings.Annotation
	if _, found := asked.Request.Object.Metadata.Annotations[name]; found {
		return json.Marshal(map[string]any{"accepted": true})
	}
	return json.Marshal(map[string]any{"accepted": false, "message": fmt.Sprintf("annotation %q is missing", name)})
}

// ValidateSettings answers the payload of `validate_settings`.
func ValidateSettings(payload []byte) ([]byte, error) {
	var own settings
	if err := json.Unmarshal(payload, &own); err != nil || own.Annotation == nil {
		return json.Marshal(map[string]any{"valid": false, "message": "annotation must be a text"})
	}
	if *own.Annotation == "" {
		return json.Marshal(map[string]any{"valid": false, "message": "annotation must not be empty"})
	}
	return json.Marshal(map[string]any{"valid": true})
}
