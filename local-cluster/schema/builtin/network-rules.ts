// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../field-error.ts";
import { selectorErrors } from "../label-selector.ts";
import { recordAt, records, strings } from "./access.ts";

type Fields = Record<string, unknown>;

/** `ValidateNetworkPolicySpec`. */
export function networkPolicyErrors(policy: KubeObject): FieldError[] {
  const spec = recordAt(policy, "spec") ?? {};
  return [
    ...selectorErrors("spec.podSelector", spec.podSelector),
    ...records(spec.ingress).flatMap((rule, index) => ruleErrors(rule, "from", `spec.ingress[${index}]`)),
    ...records(spec.egress).flatMap((rule, index) => ruleErrors(rule, "to", `spec.egress[${index}]`)),
    ...strings(spec.policyTypes).flatMap((each, index) =>
      ["Egress", "Ingress"].includes(each)
        ? []
        : [notSupported(`spec.policyTypes[${index}]`, each, ["Egress", "Ingress"])]
    ),
  ];
}

function ruleErrors(rule: Fields, peers: "from" | "to", path: string): FieldError[] {
  return [
    ...records(rule.ports).flatMap((port, index) => portErrors(port, `${path}.ports[${index}]`)),
    ...records(rule[peers]).flatMap((peer, index) => peerErrors(peer, `${path}.${peers}[${index}]`)),
  ];
}

function portErrors({ port, endPort }: Fields, path: string): FieldError[] {
  const isPort = (value: unknown) => typeof value === "number" && value >= 1 && value <= 65535;
  const outOfRange = "must be between 1 and 65535, inclusive";
  return [
    ...(typeof port === "number" && !isPort(port) ? [invalid(`${path}.port`, port, outOfRange)] : []),
    ...(endPort === undefined
      ? []
      : port === undefined
      ? [required(`${path}.port`, "must be specified when `endPort` is specified")]
      : typeof port === "string"
      ? [invalid(`${path}.endPort`, endPort, "may not be specified when `port` is non-numeric")]
      : Number(endPort) < Number(port)
      ? [invalid(`${path}.endPort`, endPort, "must be greater than or equal to `port`")]
      : isPort(endPort)
      ? []
      : [invalid(`${path}.endPort`, endPort, outOfRange)]),
  ];
}

function peerErrors(peer: Fields, path: string): FieldError[] {
  const { podSelector, namespaceSelector } = peer;
  const block = recordAt(peer, "ipBlock");
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  return [
    ...(selects || block ? [] : [required(path, "must specify a peer")]),
    ...(selects && block ? [forbidden(path, "may not specify both ipBlock and another peer")] : []),
    ...(podSelector === undefined ? [] : selectorErrors(`${path}.podSelector`, podSelector)),
    ...(namespaceSelector === undefined ? [] : selectorErrors(`${path}.namespaceSelector`, namespaceSelector)),
    ...(block ? blockErrors(block, `${path}.ipBlock`) : []),
  ];
}

function blockErrors({ cidr, except }: Fields, path: string): FieldError[] {
  const net = rangeOf(String(cidr));
  const why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
  if (!net) return [invalid(`${path}.cidr`, cidr, why)];
  return strings(except).flatMap((each, index) => {
    const inner = rangeOf(each);
    if (!inner) return [invalid(`${path}.except[${index}]`, each, why)];
    const inside = inner.width === net.width && inner.first >= net.first && inner.last <= net.last &&
      inner.prefix > net.prefix;
    return inside ? [] : [invalid(`${path}.except[${index}]`, each, "must be a strict subset of `cidr`")];
  });
}

/** The addresses of a CIDR as numbers, or undefined when it is none. */
function rangeOf(cidr: string): { width: number; prefix: number; first: bigint; last: bigint } | undefined {
  const [, address = "", digits = ""] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(cidr) ?? [];
  const found = address.includes(":") ? ipv6(address) : ipv4(address);
  const prefix = Number(digits), width = address.includes(":") ? 128 : 32;
  if (digits === "" || found === undefined || prefix > width) return undefined;
  const hosts = (1n << BigInt(width - prefix)) - 1n;
  return { width, prefix, first: found & ~hosts, last: found | hosts };
}

function ipv4(text: string): bigint | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((each) => !(each >= 0 && each <= 255))) return undefined;
  return parts.reduce((sum, each) => sum << 8n | BigInt(each), 0n);
}

function ipv6(text: string): bigint | undefined {
  const halves = text.split("::");
  const [head = [], tail = []] = halves.map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (groups.some((each) => !/^[0-9a-fA-F]{1,4}$/.test(each))) return undefined;
  return groups.reduce((sum, each) => sum << 16n | BigInt(`0x${each}`), 0n);
}
