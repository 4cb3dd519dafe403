#!/bin/sh
# Upgrades kubewarden-edge, or changes its overlay; see docs/operations/upgrade.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

help() {
  cat <<EOF
Usage: upgrade.sh [--overlay DIR] [--image IMAGE] [--timeout SECONDS]

Applies an overlay over the one that is installed, waits for everything to be rolled out, and looks that every webhook
that was there still is and every policy that was active still is.

$overlay_options

KUBECTL names another kubectl, also with arguments.
EOF
}

read_overlay_options "$@"

active_policies() {
  for each in $policy_kinds; do
    k get "$each.$group" -A -o go-template='{{range .items}}{{if .status}}{{if eq (printf "%v" .status.policyStatus) "active"}}{{.kind}} {{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}{{end}}'
  done | sort
}

need_cluster
exists deployment reconciler -n "$namespace" || fail "nothing is installed: use install.sh"
webhooks=$(policy_webhooks)
active=$(active_policies)

render "$overlay" "$image" | k apply --server-side -f - >/dev/null || fail "the cluster did not take all objects"
say "applied $overlay"
wait_for_controllers
say "the controllers run"
wait_for_policy_servers
say "every PolicyServer runs"

# A line of the first list that the second lacks.
lost=$(printf '%s\n' "$webhooks" | while read -r each; do
  [ -z "$each" ] || policy_webhooks | grep -qxF "$each" || echo "$each"
done)
[ -z "$lost" ] || fail "these webhooks are gone: $lost"
inactive=$(printf '%s\n' "$active" | while read -r each; do
  [ -z "$each" ] || active_policies | grep -qxF "$each" || echo "$each"
done)
[ -z "$inactive" ] || fail "these policies are not active any more: $inactive"
say "all webhooks are there, all policies are as active as before"
