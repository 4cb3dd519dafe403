#!/bin/sh
# Builds the policies of this folder anew, each with the toolchain of its language. Tests use what is committed.
#
# Needs: clang, lld, wasi-libc and libclang-rt-dev-wasm32 (Debian's packages); cargo with the target wasm32-wasip1;
# Go 1.24 or newer; opa (go install github.com/open-policy-agent/opa@v1.22.3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Go's modules have 3 MB each: only the reactor is committed, as `build.sh all` builds the command too.
annotated() {
  node "$root/tools/annotate-guest.ts" "$1" "$here/metadata-$2.json" "$here/$3/policy.wasm"
}

clang_wasm() {
  clang --target=wasm32-wasi -Oz -flto -Wall -Wl,--strip-all "$@"
}
mkdir -p "$here/c-wasi"
clang_wasm -mexec-model=reactor "$here/c/wapc.c" -o "$out/c.wasm"
clang_wasm "$here/c/wasi.c" -o "$out/c-wasi.wasm"
annotated "$out/c.wasm" wapc c
annotated "$out/c-wasi.wasm" wasi c-wasi

CARGO_TARGET_DIR=$out/rust cargo build --locked --release --target wasm32-wasip1 \
  --manifest-path "$here/rust/Cargo.toml"
annotated "$out/rust/wasm32-wasip1/release/required_annotation.wasm" wapc rust

cd "$here/go"
GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags "-s -w" -o "$out/go.wasm" ./wapc
annotated "$out/go.wasm" wapc go
if [ "${1:-}" = all ]; then
  mkdir -p "$here/go-wasi"
  GOOS=wasip1 GOARCH=wasm go build -trimpath -ldflags "-s -w" -o "$out/go-wasi.wasm" ./wasi
  annotated "$out/go-wasi.wasm" wasi go-wasi
fi

# Not optimised: that would take the settings, which are data here, for what is known at build time.
cd "$out"
opa build -t wasm -e kubernetes/admission/main -o opa.tgz "$here/opa/policy.rego"
tar xzf opa.tgz /policy.wasm
annotated policy.wasm opa opa
opa build -t wasm --v0-compatible -e policy/violation -o gatekeeper.tgz "$here/gatekeeper/policy.rego"
tar xzf gatekeeper.tgz /policy.wasm
annotated policy.wasm gatekeeper gatekeeper
