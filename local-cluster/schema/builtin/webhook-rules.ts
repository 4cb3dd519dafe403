import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required, tooMany } from "../field-error.ts";
import { selectorErrors } from "../label-selector.ts";
import { matchConditionProgram } from "../match-conditions.ts";
import { dnsSubdomainProblems, problems, qualifiedNameProblems } from "../names.ts";
import { isRecord } from "../schema.ts";
import { recordAt, records, strings } from "./access.ts";
import { portNumberErrors } from "./pod-rules.ts";

type Fields = Record<string, unknown>;
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/** `ValidateValidatingWebhookConfiguration` and its mutating twin. */
export function webhookConfigurationErrors(configuration: KubeObject): FieldError[] {
  const webhooks = records(configuration.webhooks);
  return webhooks.flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const first = webhooks.findIndex(({ name }) => name === webhook.name);
    return [...webhookErrors(webhook, path), ...(first < index ? [duplicate(`${path}.name`, webhook.name)] : [])];
  });
}

function webhookErrors(webhook: Fields, path: string): FieldError[] {
  const seconds = webhook.timeoutSeconds;
  return [
    ...nameErrors(`${path}.name`, String(webhook.name ?? "")),
    ...versionErrors(`${path}.admissionReviewVersions`, strings(webhook.admissionReviewVersions)),
    ...records(webhook.rules).flatMap((rule, index) => ruleErrors(rule, `${path}.rules[${index}]`)),
    ...(typeof seconds === "number" && (seconds < 1 || seconds > 30)
      ? [invalid(`${path}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds")]
      : []),
    ...selectorErrors(`${path}.namespaceSelector`, webhook.namespaceSelector),
    ...selectorErrors(`${path}.objectSelector`, webhook.objectSelector),
    ...clientErrors(recordAt(webhook, "clientConfig") ?? {}, `${path}.clientConfig`),
    ...conditionErrors(records(webhook.matchConditions), `${path}.matchConditions`),
  ];
}

function nameErrors(path: string, name: string): FieldError[] {
  const errors = problems(path, name, dnsSubdomainProblems);
  if (name.split(".").length < 3) {
    errors.push(invalid(path, name, "should be a domain with at least three segments separated by dots"));
  }
  return errors;
}

function versionErrors(path: string, versions: string[]): FieldError[] {
  if (versions.length === 0) return [required(path, "must specify one of v1, v1beta1")];
  return versions.some((each) => each === "v1" || each === "v1beta1")
    ? []
    : [invalid(path, versions, "must include at least one of v1, v1beta1")];
}

function ruleErrors(rule: Fields, path: string): FieldError[] {
  const alone = (field: string, what: string) => {
    const values = strings(rule[field]);
    if (values.length === 0) return [required(`${path}.${field}`)];
    return values.length > 1 && values.includes("*")
      ? [invalid(`${path}.${field}`, values, `if '*' is present, must not specify other ${what}`)]
      : [];
  };
  return [
    ...alone("operations", "operations"),
    ...strings(rule.operations).flatMap((each, index) =>
      operations.includes(each) ? [] : [notSupported(`${path}.operations[${index}]`, each, operations)]
    ),
    ...alone("apiGroups", "API groups"),
    ...alone("apiVersions", "API versions"),
    ...strings(rule.apiVersions).flatMap((each, index) =>
      each === "" ? [required(`${path}.apiVersions[${index}]`)] : []
    ),
    ...resourceErrors(strings(rule.resources), `${path}.resources`),
  ];
}

function resourceErrors(resources: string[], path: string): FieldError[] {
  if (resources.length === 0) return [required(path)];
  if (resources.length > 1 && resources.includes("*/*")) {
    return [invalid(path, resources, "if '*/*' is present, must not specify other resources")];
  }
  const parts = resources.map((each) => each.split("/", 2) as [string, string?]);
  return parts.flatMap(([resource, subresource], index) => {
    const at = `${path}[${index}]`, text = resources[index] ?? "";
    if (resource === "") return [required(at)];
    if (subresource === undefined || subresource === "*") {
      return resources.includes("*") && text !== "*" && subresource === undefined
        ? [invalid(at, text, "if '*' is present, must not specify other resources without subresources")]
        : [];
    }
    if (resources.includes(`${resource}/*`)) {
      return [invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`)];
    }
    return resource !== "*" && resources.includes(`*/${subresource}`)
      ? [invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`)]
      : [];
  });
}

function clientErrors({ url, service }: Fields, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined)) {
    return [required(path, "exactly one of url or service is required")];
  }
  if (url !== undefined) return urlErrors(`${path}.url`, String(url));
  if (!isRecord(service)) return [];
  const target = String(service.path ?? "/");
  return [
    ...(service.name ? [] : [required(`${path}.service.name`, "service name is required")]),
    ...(service.namespace ? [] : [required(`${path}.service.namespace`, "service namespace is required")]),
    ...portNumberErrors(`${path}.service.port`, service.port ?? 443),
    ...(target.startsWith("/") ? [] : [invalid(`${path}.service.path`, target, "must start with a '/'")]),
    ...target.split("/").slice(1).flatMap((segment, index, all) =>
      segment === "" && index < all.length - 1
        ? [invalid(`${path}.service.path`, target, `segment[${index}] may not be empty`)]
        : segment === ""
        ? []
        : problems(`${path}.service.path`, segment, dnsSubdomainProblems).map((each) => ({
          ...each,
          message: each.message.replace(JSON.stringify(segment), JSON.stringify(target)).replace(
            ": a lowercase",
            `: segment[${index}]: a lowercase`,
          ),
        }))
    ),
  ];
}

function urlErrors(path: string, url: string): FieldError[] {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) return [required(path, "url must be a valid URL")];
  const errors: FieldError[] = [];
  const form = "; desired format: https://host[/path]";
  if (parsed.protocol !== "https:") {
    errors.push(invalid(path, url, `'https' is the only allowed URL scheme${form}`));
  }
  if (parsed.username !== "") {
    errors.push(invalid(path, parsed.username, "user information is not permitted in the URL"));
  }
  if (parsed.hash !== "") errors.push(invalid(path, parsed.hash, "fragments are not permitted in the URL"));
  if (parsed.search !== "") errors.push(invalid(path, parsed.search, "query parameters are not permitted in the URL"));
  return errors;
}

function conditionErrors(conditions: Fields[], path: string): FieldError[] {
  if (conditions.length > 64) return [tooMany(path, conditions.length, 64)];
  return conditions.flatMap(({ name, expression }, index) => {
    const at = `${path}[${index}]`;
    const text = String(expression ?? "");
    const errors = name ? problems(`${at}.name`, String(name), qualifiedNameProblems) : [required(`${at}.name`)];
    if (conditions.findIndex((each) => each.name === name) < index) errors.push(duplicate(`${at}.name`, name));
    if (text.trim() === "") return [...errors, required(`${at}.expression`)];
    if (/\bauthorizer\b/.test(text) && typeof matchConditionProgram(text) === "string") {
      return [...errors, forbidden(`${at}.expression`, "the local cluster does not implement the variable authorizer")];
    }
    const program = matchConditionProgram(text);
    return typeof program === "string" ? [...errors, invalid(`${at}.expression`, text, program)] : errors;
  });
}
