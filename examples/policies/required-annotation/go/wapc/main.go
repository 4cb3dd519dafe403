// The policy as a waPC guest: a reactor, whose `_initialize` starts Go itself.
package main

import (
	"fmt"
	"unsafe"

	"required-annotation/policy"
)

//go:wasmimport wapc __guest_request
func guestRequest(operation unsafe.Pointer, payload unsafe.Pointer)

//go:wasmimport wapc __guest_response
func guestResponse(bytes unsafe.Pointer, length uint32)

//go:wasmimport wapc __guest_error
func guestError(text unsafe.Pointer, length uint32)

//go:wasmexport __guest_call
func guestCall(operationLength uint32, payloadLength uint32) uint32 {
	operation, payload := make([]byte, operationLength), make([]byte, payloadLength)
	guestRequest(unsafe.Pointer(unsafe.SliceData(operation)), unsafe.Pointer(unsafe.SliceData(payload)))
	answer, err := answerTo(string(operation), payload)
	if err != nil {
		text := []byte(err.Error())
		guestError(unsafe.Pointer(unsafe.SliceData(text)), uint32(len(text)))
		return 0
	}
	guestResponse(unsafe.Pointer(unsafe.SliceData(answer)), uint32(len(answer)))
	return 1
}

func answerTo(operation string, payload []byte) ([]byte, error) {
	switch operation {
	case "validate":
		return policy.Validate(payload)
	case "validate_settings":
		return policy.ValidateSettings(payload)
	case "protocol_version":
		return []byte(`"v1"`), nil
	}
	return nil, fmt.Errorf("no handler is registered for %q", operation)
}

func main() {}
