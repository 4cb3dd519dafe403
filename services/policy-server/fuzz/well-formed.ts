// pure

/** What a client must never read: traces, paths, names of our parts. */
const leaks =
  /\n\s+at |\.[cm]?[jt]s:\d|file:\/\/\/|node:internal|node_modules|services\/policy-server|ZodError|KubewardenError/;
const engineWords =
  /call stack|heap limit|out of memory|Cannot read prop|is not a function|is not iterable|undefined \(|wasm-function/;

/** The first thing in a text that a client must not read, or undefined. */
export function leakIn(text: string): string | undefined {
  return (leaks.exec(text) ?? engineWords.exec(text))?.[0];
}

/** What is wrong with the JSON of a verdict, or undefined (reference/policy-server.md 2.4, 2.5). */
export function verdictProblem(text: string, { uid, raw }: { uid: string; raw: boolean }): string | undefined {
  const { response, ...others } = JSON.parse(text) as { response: Record<string, unknown> };
  const envelope = raw ? "{}" : '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}';
  if (JSON.stringify(others) !== envelope) return `the envelope is ${JSON.stringify(others)}`;
  const { uid: answered, allowed, auditAnnotations, warnings, status, patch, patchType, ...unknown } = response;
  if (Object.keys(unknown).length > 0) return `there is ${JSON.stringify(unknown)}`;
  if (answered !== uid) return `the uid is ${JSON.stringify(answered)} instead of ${JSON.stringify(uid)}`;
  if (typeof allowed !== "boolean") return "allowed is no boolean";
  if (auditAnnotations !== null && !isStringMap(auditAnnotations)) return "auditAnnotations is no map of strings";
  if (warnings !== null && !isStringList(warnings)) return "warnings is no list of strings";
  if ((patch === undefined) !== (patchType === undefined)) return "patch and patchType do not go together";
  if (patch !== undefined) return patchProblem(patch, patchType);
  return status === undefined ? undefined : statusProblem(status);
}

function patchProblem(patch: unknown, patchType: unknown): string | undefined {
  if (patchType !== "JSONPatch" || typeof patch !== "string") return "the patch is none";
  const operations: unknown = JSON.parse(
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(patch)),
  );
  return Array.isArray(operations) && operations.length > 0 ? undefined : "the patch has no operations";
}

function statusProblem(status: unknown): string | undefined {
  if (typeof status !== "object" || status === null) return "status is no object";
  const { message, code, details, ...unknown } = status as Record<string, unknown>;
  if (Object.keys(unknown).length > 0) return `status has ${JSON.stringify(unknown)}`;
  if (message !== undefined && typeof message !== "string") return "status.message is no text";
  if (code !== undefined && !(Number.isInteger(code) && Number(code) >= 0 && Number(code) <= 65_535)) {
    return "status.code is no code";
  }
  return details === undefined || typeof details === "object" ? undefined : "status.details is no object";
}

export function isStringList(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

export function isStringMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string");
}
