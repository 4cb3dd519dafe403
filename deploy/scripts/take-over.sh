#!/bin/sh
# Takes a cluster over from upstream's Kubewarden controller, or gives it back; see docs/operations/take-over.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

help() {
  cat <<EOF
Usage: take-over.sh [--overlay DIR] [--image IMAGE] [--backup DIR] [--controller NAME] [--timeout SECONDS]
       take-over.sh --undo [--backup DIR]
       take-over.sh --finish [--helm-releases "NAMES"]

Stops upstream's controller, removes the webhooks that lead to it, and installs an overlay in its place. Policies,
PolicyServers, their pods, certificates and webhooks are adopted; no policy is without its webhook at any moment.

  --overlay DIR      a folder with a kustomization.yaml (default: deploy/kustomize/overlays/take-over)
  --image IMAGE      the image of our services, instead of the one that the overlay names
  --backup DIR       where what is replaced or removed is kept (default: kubewarden-backup)
  --controller NAME  upstream's Deployment, if its labels do not tell
  --undo             stop our controllers, put back what is in the backup and start upstream's controller
  --finish           remove what is left of upstream's controller, and Helm's records of it, so that no "helm uninstall"
                     can delete what we go on with
  --helm-releases    names of those records (default: kubewarden-controller kubewarden-crds kubewarden-defaults)
  --timeout S        how long to wait for each part, in seconds (default: 180)
  --help             this text

KUBECTL names another kubectl, also with arguments.
EOF
}

overlay=$here/../kustomize/overlays/take-over
image=
backup=kubewarden-backup
controller=
action=take_over
releases="kubewarden-controller kubewarden-crds kubewarden-defaults"
while [ $# -gt 0 ]; do
  case $1 in
    --overlay) overlay=$(value_of "$1" "$@"); shift 2 ;;
    --image) image=$(value_of "$1" "$@"); shift 2 ;;
    --backup) backup=$(value_of "$1" "$@"); shift 2 ;;
    --controller) controller=$(value_of "$1" "$@"); shift 2 ;;
    --helm-releases) releases=$(value_of "$1" "$@"); shift 2 ;;
    --timeout) timeout=$(value_of "$1" "$@"); shift 2 ;;
    --undo) action=undo; shift ;;
    --finish) action=finish; shift ;;
    --help) help; exit 0 ;;
    *) usage_error "unknown option $1" ;;
  esac
done

upstream=app.kubernetes.io/component=controller,$part_of
remembered=kubewarden.io/replicas-before-take-over
own_webhooks="validatingwebhookconfiguration/kubewarden-controller-validating-webhook-configuration
mutatingwebhookconfiguration/kubewarden-controller-mutating-webhook-configuration"

find_controller() {
  [ -n "$controller" ] || controller=$(names deployments -n "$namespace" -l "$upstream" | head -n 1 | sed 's|.*/||')
  [ -n "$controller" ] || controller=kubewarden-controller
  exists deployment "$controller" -n "$namespace" ||
    fail "upstream's controller is not in $namespace: name it by --controller, or use install.sh"
}

# Of upstream's controller; nothing unless it was stopped by this script.
replicas_before() {
  k get deployment "$controller" -n "$namespace" \
    -o go-template="{{with .metadata.annotations}}{{with index . \"$remembered\"}}{{.}}{{end}}{{end}}"
}

# As YAML that can be created again.
manifest_of() {
  k get "$@" -o yaml --ignore-not-found | sed -E '/^ {2,4}(uid|resourceVersion|creationTimestamp|generation): /d'
}

keep_backup() {
  if [ -e "$backup/crds.yaml" ]; then
    [ -n "$(replicas_before)" ] || fail "$backup holds a backup of another time: name another folder by --backup"
    say "going on with the backup in $backup"
    return
  fi
  mkdir -p "$backup"
  # shellcheck disable=SC2086 # a list
  manifest_of $own_webhooks >"$backup/controller-webhooks.yaml"
  crds=
  for each in policyservers $policy_kinds; do
    crds="$crds crd/$each.$group"
    manifest_of "$each.$group" -A >"$backup/$each.yaml"
  done
  # shellcheck disable=SC2086 # a list
  manifest_of $crds >"$backup/crds.yaml"
  k get namespace "$namespace" -o jsonpath='{.metadata.labels}' >"$backup/namespace-labels.json"
  say "kept in $backup: policies, PolicyServers, the definitions of their kinds, and the controller's own webhooks"
}

stop_upstream() {
  replicas=$(k get deployment "$controller" -n "$namespace" -o jsonpath='{.spec.replicas}')
  if [ "$replicas" != 0 ]; then
    k annotate deployment "$controller" -n "$namespace" "$remembered=$replicas" --overwrite >/dev/null
    k scale deployment "$controller" -n "$namespace" --replicas=0 >/dev/null
  fi
  wait_until_gone "$(k get deployment "$controller" -n "$namespace" \
    -o go-template='{{range $k, $v := .spec.selector.matchLabels}}{{$k}}={{$v}},{{end}}' | sed 's/,$//')"
  # Nobody answers them any more, and they would refuse every change of a policy.
  # shellcheck disable=SC2086 # a list
  k delete $own_webhooks --ignore-not-found >/dev/null
}

# Our definitions serve v1 only. Clusters that began with an older release may have v1alpha2 on record.
forget_old_versions() {
  for each in policyservers $policy_kinds; do
    stored=$(k get crd "$each.$group" -o jsonpath='{.status.storedVersions}' --ignore-not-found)
    case $stored in
      *v1alpha*)
        # An API server reads late that a webhook is gone: until then it may still ask, and refuse.
        persistently k annotate "$each.$group" --all -A kubewarden.io/stored-anew=yes --overwrite
        persistently k annotate "$each.$group" --all -A kubewarden.io/stored-anew-
        k patch crd "$each.$group" --subresource=status --type=merge -p '{"status":{"storedVersions":["v1"]}}' >/dev/null
        ;;
    esac
  done
}

# What upstream's controller wrote counts as written by ours, so that what later leaves a PolicyServer leaves its
# Deployment too. Without this it would stay there for ever, as somebody else's.
inherit_fields() {
  for object in $(names deployments,services,configmaps,poddisruptionbudgets -n "$namespace" -l kubewarden/policy-server); do
    k get "$object" -n "$namespace" --show-managed-fields -o go-template='{{range $i, $e := .metadata.managedFields}}{{if and (eq $e.operation "Update") (not $e.subresource)}}{{$i}} {{$e.manager}}{{"\n"}}{{end}}{{end}}' |
      grep -Ev ' (kube-.*|kubectl.*|helm|Helm|certs|reconciler)$' | head -n 1 |
      while read -r index manager; do
        k patch "$object" -n "$namespace" --type=json -p "[
          {\"op\":\"test\",\"path\":\"/metadata/managedFields/$index/manager\",\"value\":\"$manager\"},
          {\"op\":\"replace\",\"path\":\"/metadata/managedFields/$index/manager\",\"value\":\"reconciler\"},
          {\"op\":\"replace\",\"path\":\"/metadata/managedFields/$index/operation\",\"value\":\"Apply\"}]" >/dev/null
      done
  done
}

without_bundle() {
  for each in $webhook_kinds; do
    k get "$each" -l "$part_of" -o go-template='{{range .items}}{{$n := .metadata.name}}{{range .webhooks}}{{if not .clientConfig.caBundle}}{{$n}}{{"\n"}}{{end}}{{end}}{{end}}'
  done
}

take_over() {
  find_controller
  webhooks=$(policy_webhooks)
  keep_backup
  stop_upstream
  say "upstream's controller is stopped"
  forget_old_versions
  inherit_fields
  render "$overlay" "$image" | k apply --server-side --force-conflicts -f - >/dev/null ||
    fail "the cluster did not take all objects; to go back: take-over.sh --undo --backup $backup"
  say "applied $overlay"
  wait_for_controllers
  say "our controllers run"
  wait_for_policy_servers
  lost=$(printf '%s\n' "$webhooks" | while read -r each; do
    [ -z "$each" ] || policy_webhooks | grep -qxF "$each" || echo "$each"
  done)
  [ -z "$lost" ] || fail "these webhooks are gone: $lost"
  bare=$(without_bundle)
  [ -z "$bare" ] || fail "these webhooks trust nobody: $bare"
  say "every PolicyServer is rolled out, every webhook is there. What the policy servers run:"
  k get policyservers -o custom-columns=POLICYSERVER:.metadata.name,IMAGE:.spec.image
  say "To switch one to our image, and to remove what is left of upstream: docs/operations/take-over.md"
}

undo() {
  [ -e "$backup/crds.yaml" ] || fail "$backup holds no backup: name its folder by --backup"
  find_controller
  # shellcheck disable=SC2086 # a list
  k delete deployment $controllers -n "$namespace" --ignore-not-found >/dev/null
  for each in $controllers; do
    wait_until_gone "app.kubernetes.io/component=$each,$part_of"
  done
  say "our controllers are stopped"
  k apply --server-side --force-conflicts -f "$backup/crds.yaml" >/dev/null
  if ! grep -q pod-security.kubernetes.io/enforce "$backup/namespace-labels.json"; then
    k label namespace "$namespace" pod-security.kubernetes.io/enforce- pod-security.kubernetes.io/enforce-version- >/dev/null
  fi
  replicas=$(replicas_before)
  k scale deployment "$controller" -n "$namespace" --replicas="${replicas:-1}" >/dev/null
  k annotate deployment "$controller" -n "$namespace" "$remembered-" >/dev/null
  # Only now: nobody would answer them before, and policies could not be changed.
  k rollout status "deployment/$controller" -n "$namespace" --timeout="${timeout}s" >/dev/null ||
    fail "upstream's controller does not start: kubectl describe deployment $controller -n $namespace"
  if grep -q 'kind: .*WebhookConfiguration' "$backup/controller-webhooks.yaml"; then
    k apply --server-side --force-conflicts -f "$backup/controller-webhooks.yaml" >/dev/null
  fi
  say "upstream's controller runs again"
}

finish() {
  exists deployment reconciler -n "$namespace" || fail "our controllers are not here: take over first"
  # shellcheck disable=SC2086 # a list
  for kind in deployments services serviceaccounts roles rolebindings configmaps secrets; do
    for each in $(names "$kind" -n "$namespace" -l "$upstream"); do
      case $each in
        # certs goes on with these.
        secret/kubewarden-ca | secret/kubewarden-audit-scanner-client-cert) ;;
        *) k delete "$each" -n "$namespace" >/dev/null ;;
      esac
    done
  done
  k delete clusterroles,clusterrolebindings -l "$upstream" --ignore-not-found >/dev/null
  k delete lease a4ddbf36.kubewarden.io -n "$namespace" --ignore-not-found >/dev/null
  for each in $releases; do
    k delete secrets -n "$namespace" -l "owner=helm,name=$each" --ignore-not-found >/dev/null
  done
  say "upstream's controller is removed; Helm knows nothing of $releases in $namespace any more"
}

need_cluster
$action
