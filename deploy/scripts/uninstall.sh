#!/bin/sh
# Removes kubewarden-edge, and frees what hangs after a hasty removal; see docs/operations/uninstall.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

help() {
  cat <<EOF
Usage: uninstall.sh [--with-resources] [--timeout SECONDS]

Removes the controllers, the policy servers, every webhook, certificate, right and Lease, and releases policies and
PolicyServers from their finalizers. Policies, PolicyServers and the definitions of their kinds stay, so that a later
installation goes on with them. It may be run at any time and again: also after "kubectl delete -k", while that hangs.

  --with-resources  remove policies, PolicyServers and the definitions of their kinds too
  --timeout S       how long to wait for each part, in seconds (default: 180)
  --help            this text

KUBECTL names another kubectl, also with arguments.
EOF
}

with_resources=
while [ $# -gt 0 ]; do
  case $1 in
    --with-resources) with_resources=yes; shift ;;
    --timeout) timeout=$(value_of "$1" "$@"); shift 2 ;;
    --help) help; exit 0 ;;
    *) usage_error "unknown option $1" ;;
  esac
done

resources="policyservers $policy_kinds"
ours="kubewarden.io/finalizer kubewarden"

delete_controllers() {
  # shellcheck disable=SC2086 # a list
  k delete deployment $controllers -n "$namespace" --ignore-not-found --wait=false >/dev/null
}

# Takes our finalizers off every object of one kind; those of others stay. $1: its plural.
release() {
  k get "$1.$group" -A -o go-template='{{range .items}}{{if .metadata.finalizers}}{{if .metadata.namespace}}{{.metadata.namespace}}{{else}}-{{end}} {{.metadata.name}}{{range .metadata.finalizers}} {{.}}{{end}}{{"\n"}}{{end}}{{end}}' |
    while read -r in name finalizers; do
      kept=
      for each in $finalizers; do
        case " $ours " in
          *" $each "*) ;;
          *) kept="$kept${kept:+,}\"$each\"" ;;
        esac
      done
      [ -n "$kept" ] && kept="[$kept]" || kept=null
      [ "$in" = - ] && scope= || scope="-n $in"
      # An API server reads late that a webhook is gone: until then it may still ask it about this change.
      # shellcheck disable=SC2086 # an option with its value, or nothing
      wait_until release_one "$1.$group" "$name" $scope ||
        fail "cannot release $1 $name: $(k patch "$1.$group" "$name" $scope --type=merge -p "$patch" 2>&1)"
    done
}

release_one() {
  patch="{\"metadata\":{\"finalizers\":$kept}}"
  silently k patch "$@" --type=merge -p "$patch" || absent "$@"
}

# Kinds that can be deleted and are not made by other objects, with commas between; $2 more that do not count.
kinds() {
  k api-resources --verbs=list,delete "--namespaced=$1" -o name 2>/dev/null |
    grep -Ev "^(events|pods|endpoints|namespaces)\$|^(events|endpointslices|replicasets|customresourcedefinitions)\.|\.metrics\.k8s\.io\$${2:+|$2}" |
    paste -s -d , -
}

delete_labelled() {
  namespaced=$(kinds true "$group\$")
  for label in "$part_of" app.kubernetes.io/component=policy-server kubewarden/policy-server; do
    k delete "$namespaced" -n "$namespace" -l "$label" --ignore-not-found --wait=false >/dev/null
  done
  k delete "$(kinds false "$group\$")" -l "$part_of" --ignore-not-found --wait=false >/dev/null
  # The controllers make their Leases themselves, without labels; the last is upstream's.
  # shellcheck disable=SC2086 # a list
  k delete leases.coordination.k8s.io $controllers a4ddbf36.kubewarden.io -n "$namespace" \
    --ignore-not-found --wait=false >/dev/null
}

# Goes if it was made for us and nothing of others is in it; else only our label leaves it.
delete_namespace() {
  state=$(k get namespace "$namespace" --ignore-not-found \
    -o go-template='{{.status.phase}} {{with .metadata.labels}}{{index . "app.kubernetes.io/part-of"}}{{end}}')
  case $state in
    "Terminating "*)
      wait_until absent namespace "$namespace" || fail "the namespace $namespace hangs: kubectl describe namespace $namespace"
      return 0
      ;;
    *" kubewarden") ;;
    *) return 0 ;;
  esac
  others=$(names "$(kinds true '^leases\.')" -n "$namespace" |
    grep -Ev '^(configmap/kube-root-ca.crt|serviceaccount/default)$' | xargs)
  if [ -z "$others" ]; then
    k delete namespace "$namespace" --ignore-not-found --timeout="${timeout}s" >/dev/null
  else
    k label namespace "$namespace" app.kubernetes.io/part-of- >/dev/null
    say "the namespace $namespace stays, since there are other things in it: $others"
  fi
}

need_cluster
tries=0
until delete_webhooks && delete_controllers; do
  tries=$((tries + 1))
  [ "$tries" -lt 10 ] || fail "the controllers in $namespace cannot be deleted"
done
for each in $controllers; do
  wait_until_gone "app.kubernetes.io/component=$each,$part_of"
done
delete_webhooks
say "no policy is asked any more"

for each in $resources; do
  exists crd "$each.$group" || continue
  release "$each"
done
say "policies and PolicyServers are released"

if [ -n "$with_resources" ]; then
  for each in $resources; do
    exists crd "$each.$group" || continue
    k delete "$each.$group" --all -A --timeout="${timeout}s" >/dev/null || fail "other finalizers hold some $each: kubectl get $each -A -o yaml"
    k delete crd "$each.$group" --ignore-not-found --timeout="${timeout}s" >/dev/null
  done
  say "policies, PolicyServers and the definitions of their kinds are gone"
fi

delete_labelled
wait_until_gone app.kubernetes.io/component=policy-server
delete_namespace
left=$(policy_webhooks)
[ -z "$left" ] || fail "these webhooks are back, so a controller still runs somewhere: $left"
if [ -n "$with_resources" ]; then
  say "everything is gone"
else
  say "everything is gone but policies, PolicyServers and the definitions of their kinds: kubectl get ps,cap,capg,ap,apg -A"
fi
