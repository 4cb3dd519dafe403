#!/bin/sh
# Compiles the Rego of this folder for the tests: opa 1.22.3 (go install github.com/open-policy-agent/opa@v1.22.3).
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for name in lab missing seen; do
  opa build -t wasm -e "$name/main" -o "$out/$name.tgz" "$name.rego"
  tar xzf "$out/$name.tgz" -C "$out" /policy.wasm
  mv "$out/policy.wasm" "$name.wasm"
done
