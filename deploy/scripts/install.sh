#!/bin/sh
# Installs kubewarden-edge; see docs/operations/install.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

help() {
  cat <<EOF
Usage: install.sh [--overlay DIR] [--image IMAGE] [--timeout SECONDS]

Installs an overlay and waits until its controllers and the default PolicyServer run. Run again, it changes what is not
as the overlay says.

$overlay_options

KUBECTL names another kubectl, also with arguments.
EOF
}

read_overlay_options "$@"

need_cluster
upstream=$(names deployments -n "$namespace" -l "app.kubernetes.io/component=controller,$part_of")
[ -z "$upstream" ] || fail "upstream's controller is here ($upstream): use take-over.sh"

render "$overlay" "$image" | k apply --server-side -f - >/dev/null || fail "the cluster did not take all objects"
say "applied $overlay"
wait_for_controllers
say "the controllers run"
default=$(k get configmap kubewarden-defaults -n "$namespace" -o name --ignore-not-found)
if [ -n "$default" ]; then
  wait_until exists policyserver default ||
    fail "the PolicyServer \"default\" was not created: kubectl logs -n $namespace deployment/reconciler"
fi
wait_for_policy_servers
say "every PolicyServer runs: $(k get policyservers -o name | sed 's|.*/||' | tr '\n' ' ')"
