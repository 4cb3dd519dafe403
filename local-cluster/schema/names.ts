// pure
import { type FieldError, invalid, tooLong } from "./field-error.ts";

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = `${label}(\\.${label})*`;
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/** Texts of k8s.io/apimachinery `util/validation`: what is wrong with a string, empty when nothing is. */
export function dnsSubdomainProblems(value: string): string[] {
  return [
    ...(value.length > 253 ? ["must be no more than 253 characters"] : []),
    ...(new RegExp(`^${subdomain}$`).test(value) ? [] : [
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
      "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
      `'${label}(\\.${label})*')`,
    ]),
  ];
}

export function dnsLabelProblems(value: string): string[] {
  return [
    ...(value.length > 63 ? ["must be no more than 63 characters"] : []),
    ...(new RegExp(`^${label}$`).test(value) ? [] : [
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
      `with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
    ]),
  ];
}

/** Service names: a DNS label that starts with a letter. */
export function dns1035LabelProblems(value: string): string[] {
  return [
    ...(value.length > 63 ? ["must be no more than 63 characters"] : []),
    ...(/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(value) ? [] : [
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " +
      "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is " +
      "'[a-z]([-a-z0-9]*[a-z0-9])?')",
    ]),
  ];
}

/** RBAC object names are only bound to be one path segment. */
export function pathSegmentProblems(value: string): string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"].filter((each) => value.includes(each)).map((each) => `may not contain '${each}'`);
}

/** Keys of labels and annotations, condition types, finalizers: `[prefix/]name`. */
export function qualifiedNameProblems(value: string): string[] {
  const parts = value.split("/");
  const name = parts.at(-1) ?? "";
  const shape = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an ` +
    `alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is ` +
    `'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
  if (parts.length > 2) {
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
      "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. " +
      "'example.com/MyName')",
    ];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const [prefix = ""] = parts;
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...dnsSubdomainProblems(prefix).map((each) => `prefix part ${each}`));
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 bytes");
  if (!new RegExp(`^${qualified}$`).test(name)) problems.push(shape);
  return problems;
}

export function labelValueProblems(value: string): string[] {
  return [
    ...(value.length > 63 ? ["must be no more than 63 bytes"] : []),
    ...(value === "" || new RegExp(`^${qualified}$`).test(value) ? [] : [
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start " +
      "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation " +
      "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ]),
  ];
}

/** Keys of ConfigMap and Secret data. */
export function dataKeyProblems(value: string): string[] {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  if (value.startsWith("..")) return ["must not start with '..'"];
  return [
    ...(value.length > 253 ? ["must be no more than 253 characters"] : []),
    ...(/^[-._a-zA-Z0-9]+$/.test(value) ? [] : [
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  " +
      "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ]),
  ];
}

/** Names of container and service ports. */
export function portNameProblems(value: string): string[] {
  if (value.length > 15) return ["must be no more than 15 characters"];
  return [
    ...(/^[-a-z0-9]*$/.test(value) ? [] : ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
    ...(/[a-z]/.test(value) ? [] : ["must contain at least one letter (a-z)"]),
    ...(value.includes("--") ? ["must not contain consecutive hyphens"] : []),
    ...(/^-|-$/.test(value) ? ["must not begin or end with a hyphen"] : []),
  ];
}

/** Each problem of a string as an error at its path. */
export function problems(path: string, value: string, check: (value: string) => string[]): FieldError[] {
  return check(value).map((problem) => invalid(path, value, problem));
}

export function labelErrors(path: string, labels: Iterable<readonly [string, string]>): FieldError[] {
  return [...labels].flatMap(([key, value]) => [
    ...problems(path, key, qualifiedNameProblems),
    ...problems(path, value, labelValueProblems),
  ]);
}

const annotationsLimit = 256 * 1024;

export function annotationErrors(path: string, annotations: Iterable<readonly [string, string]>): FieldError[] {
  const entries = [...annotations];
  const size = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return [
    ...entries.flatMap(([key]) => problems(path, key.toLowerCase(), qualifiedNameProblems)),
    ...(size > annotationsLimit ? [tooLong(path, annotationsLimit)] : []),
  ];
}

/** How a kind's names are checked: by its group and kind, custom resources as DNS subdomains. */
export function nameCheckFor(group: string, kind: string): (value: string) => string[] {
  if (group === "rbac.authorization.k8s.io") return pathSegmentProblems;
  if (group === "" && kind === "Namespace") return dnsLabelProblems;
  if (group === "" && kind === "Service") return dns1035LabelProblems;
  return dnsSubdomainProblems;
}
