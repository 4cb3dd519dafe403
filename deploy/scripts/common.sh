# What the scripts beside this file share; they read it, nobody runs it. POSIX sh and kubectl, nothing else.
# KUBECTL may name another kubectl, also with arguments: KUBECTL="kubectl --context staging".
KUBECTL=${KUBECTL:-kubectl}
namespace=kubewarden
timeout=180
part_of=app.kubernetes.io/part-of=kubewarden
controllers="certs reconciler webhook-registrar"
group=policies.kubewarden.io
policy_kinds="clusteradmissionpolicies clusteradmissionpolicygroups admissionpolicies admissionpolicygroups"
webhook_kinds="validatingwebhookconfigurations mutatingwebhookconfigurations"

k() {
  # shellcheck disable=SC2086 # may be several words
  $KUBECTL "$@"
}

say() {
  echo "$*"
}

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

usage_error() {
  echo "$(basename "$0"): $*; see --help" >&2
  exit 2
}

# The value of an option: `value_of --overlay "$@"` where $2 is the option and $3 its value.
value_of() {
  [ $# -ge 3 ] || usage_error "$1 needs a value"
  printf '%s' "$3"
}

# What install.sh and upgrade.sh understand.
overlay_options="  --overlay DIR   a folder with a kustomization.yaml (default: deploy/kustomize/overlays/default)
  --image IMAGE   the image of all services, instead of the one that the overlay names
  --timeout S     how long to wait for each part, in seconds (default: 180)
  --help          this text"

# Reads them into $overlay, $image and $timeout.
read_overlay_options() {
  overlay=$here/../kustomize/overlays/default
  image=
  while [ $# -gt 0 ]; do
    case $1 in
      --overlay) overlay=$(value_of "$1" "$@") ;;
      --image) image=$(value_of "$1" "$@") ;;
      --timeout) timeout=$(value_of "$1" "$@") ;;
      --help) help; exit 0 ;;
      *) usage_error "unknown option $1" ;;
    esac
    shift 2
  done
}

need_cluster() {
  command -v "${KUBECTL%% *}" >/dev/null || fail "there is no \"${KUBECTL%% *}\": install kubectl or set KUBECTL"
  k version >/dev/null 2>&1 || fail "kubectl reaches no cluster: $(k version 2>&1 | tail -n 1)"
}

exists() {
  k get "$@" >/dev/null 2>&1
}

absent() {
  ! exists "$@"
}

# Tries a command again until it succeeds; fails when the time is over.
wait_until() {
  left=$timeout
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}

# The same, silent but for the last failure.
persistently() {
  if ! wait_until silently "$@"; then
    "$@" >/dev/null
  fi
}

silently() {
  "$@" >/dev/null 2>&1
}

# Names of objects, one a line; none where the kind is not served.
names() {
  k get "$@" -o name --ignore-not-found 2>/dev/null || true
}

# Prints the objects of an overlay, with another image where $2 says so.
render() {
  rendered=$(k kustomize "$1") || fail "cannot render the overlay $1"
  if [ -n "${2:-}" ]; then
    printf '%s\n' "$rendered" | sed "s|^\( *-\{0,1\} *image: \).*kubewarden-edge[^ ]*\$|\1$2|"
  else
    printf '%s\n' "$rendered"
  fi
}

wait_for_controllers() {
  for each in $controllers; do
    k rollout status "deployment/$each" -n "$namespace" --timeout="${timeout}s" >/dev/null ||
      fail "$each did not become available: kubectl describe pods -n $namespace -l app.kubernetes.io/component=$each"
  done
}

image_of() {
  k get deployment "$1" -n "$namespace" -o "jsonpath={.spec.template.spec.containers[?(@.name==\"$1\")].image}"
}

# The image of PolicyServers that name none: what the reconciler was told by flag or variable, else its own.
default_image() {
  container='.spec.template.spec.containers[?(@.name=="reconciler")]'
  told=$(k get deployment reconciler -n "$namespace" -o "jsonpath={range $container.args[*]}{@}{\"\n\"}{end}" |
    awk 'take { print; exit } /^--policy-server-image$/ { take = 1 } sub(/^--policy-server-image=/, "") { print; exit }')
  [ -n "$told" ] || told=$(k get deployment reconciler -n "$namespace" \
    -o "jsonpath={$container.env[?(@.name==\"KUBEWARDEN_POLICY_SERVER_IMAGE\")].value}")
  [ -n "$told" ] || told=$(image_of reconciler)
  printf '%s' "$told"
}

# Whether the Deployment of a PolicyServer has the image that is asked for.
has_its_image() {
  wanted=$(k get "policyservers.$group" "$1" -o 'jsonpath={.spec.image}') || return 1
  [ -n "$wanted" ] || wanted=$(default_image) || return 1
  [ -n "$wanted" ] && [ "$(image_of "policy-server-$1")" = "$wanted" ]
}

# Every PolicyServer has its Deployment, and that is rolled out.
wait_for_policy_servers() {
  for each in $(k get "policyservers.$group" -o name); do
    name=${each#*/}
    wait_until exists deployment "policy-server-$name" -n "$namespace" ||
      fail "PolicyServer $name got no Deployment: kubectl describe policyserver $name"
    wait_until has_its_image "$name" ||
      fail "PolicyServer $name did not get its image: kubectl describe policyserver $name"
    k rollout status "deployment/policy-server-$name" -n "$namespace" --timeout="${timeout}s" >/dev/null ||
      fail "PolicyServer $name is not rolled out: kubectl describe policyserver $name, and its policies"
  done
}

# Webhook configurations of policies, one a line as kind/name. Upstream's own for its controller do not count.
policy_webhooks() {
  for each in $webhook_kinds; do
    names "$each" -l "$part_of"
  done | grep -v '/kubewarden-controller-' | sort || true
}

delete_webhooks() {
  for each in $webhook_kinds; do
    k delete "$each" -l "$part_of" --ignore-not-found >/dev/null
  done
}

# Waits until no pod with these labels is left; one on a lost node must not hold everything up.
wait_until_gone() {
  [ -z "$(names pods -n "$namespace" -l "$1")" ] ||
    k wait --for=delete pod -n "$namespace" -l "$1" --timeout="${timeout}s" >/dev/null 2>&1 ||
    [ -z "$(names pods -n "$namespace" -l "$1")" ] ||
    say "warning: pods with $1 are still there: kubectl get pods -n $namespace -l $1"
}
