#!/bin/sh
# Switches all policies off at once, and on again; see docs/operations/emergency-disable.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

help() {
  cat <<EOF
Usage: emergency-disable.sh [--undo] [--timeout SECONDS]

Stops the controllers and deletes every webhook of Kubewarden, so that the API server asks no policy any more. Policies,
PolicyServers and their pods stay as they are. With --undo the controllers start again and register what was registered.

  --undo          switch the policies on again
  --timeout S     how long to wait for each part, in seconds (default: 180)
  --help          this text

KUBECTL names another kubectl, also with arguments.
EOF
}

undo=
while [ $# -gt 0 ]; do
  case $1 in
    --undo) undo=yes; shift ;;
    --timeout) timeout=$(value_of "$1" "$@"); shift 2 ;;
    --help) help; exit 0 ;;
    *) usage_error "unknown option $1" ;;
  esac
done

remembered=kubewarden.io/replicas-before-emergency

stop_controllers() {
  for each in $controllers; do
    replicas=$(k get deployment "$each" -n "$namespace" -o jsonpath='{.spec.replicas}' --ignore-not-found) || return 1
    [ -n "$replicas" ] && [ "$replicas" != 0 ] || continue
    k annotate deployment "$each" -n "$namespace" "$remembered=$replicas" --overwrite >/dev/null || return 1
    k scale deployment "$each" -n "$namespace" --replicas=0 >/dev/null || return 1
  done
}

start_controllers() {
  for each in $controllers; do
    exists deployment "$each" -n "$namespace" || fail "there is no Deployment $each in $namespace: use install.sh"
    replicas=$(k get deployment "$each" -n "$namespace" -o go-template="{{with .metadata.annotations}}{{with index . \"$remembered\"}}{{.}}{{end}}{{end}}")
    k scale deployment "$each" -n "$namespace" --replicas="${replicas:-1}" >/dev/null
    k annotate deployment "$each" -n "$namespace" "$remembered-" >/dev/null
  done
  wait_for_controllers
  say "the controllers run; policies become active again one by one: kubectl get cap,capg,ap,apg -A"
}

need_cluster
if [ -n "$undo" ]; then
  start_controllers
  exit 0
fi

# A webhook may stand against the very change that stops the controllers, so the webhooks go first, and once more when
# nobody writes them any more.
tries=0
until delete_webhooks && stop_controllers; do
  tries=$((tries + 1))
  [ "$tries" -lt 10 ] || fail "the controllers in $namespace cannot be stopped; they write the webhooks again"
done
for each in $controllers; do
  wait_until_gone "app.kubernetes.io/component=$each,$part_of"
done
delete_webhooks
left=$(policy_webhooks)
[ -z "$left" ] || fail "these webhooks came back, so a controller still runs: $left"
say "no policy is asked any more. To switch them on again: emergency-disable.sh --undo"
