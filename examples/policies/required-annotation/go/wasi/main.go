// The policy as a WASI command: its question on standard input, its answer on standard output.
package main

import (
	"fmt"
	"io"
	"os"

	"required-annotation/policy"
)

func main() {
	payload, err := io.ReadAll(os.Stdin)
	if err == nil && len(os.Args) == 2 {
		var answer []byte
		switch os.Args[1] {
		case "validate":
			answer, err = policy.Validate(payload)
		case "validate-settings":
			answer, err = policy.ValidateSettings(payload)
		}
		os.Stdout.Write(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
