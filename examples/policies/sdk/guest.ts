// The guest's side of the waPC protocol, and the three operations that every Kubewarden policy answers.
import { flag, Json, map, parseJson, printJson, text } from "./json";

// @ts-ignore: decorator
@external("wapc", "__guest_request")
declare function guestRequest(operation: usize, payload: usize): void;
// @ts-ignore: decorator
@external("wapc", "__guest_response")
declare function guestResponse(pointer: usize, length: usize): void;
// @ts-ignore: decorator
@external("wapc", "__guest_error")
declare function guestError(pointer: usize, length: usize): void;
// @ts-ignore: decorator
@external("wapc", "__host_call")
declare function callHost(
  binding: usize,
  bindingLength: usize,
  namespace: usize,
  namespaceLength: usize,
  operation: usize,
  operationLength: usize,
  payload: usize,
  payloadLength: usize,
): bool;
// @ts-ignore: decorator
@external("wapc", "__host_response_len")
declare function hostResponseLength(): usize;
// @ts-ignore: decorator
@external("wapc", "__host_response")
declare function hostResponse(pointer: usize): void;
// @ts-ignore: decorator
@external("wapc", "__host_error_len")
declare function hostErrorLength(): usize;
// @ts-ignore: decorator
@external("wapc", "__host_error")
declare function hostError(pointer: usize): void;

/** What a policy decides about one request. */
export class Verdict {
  message: string | null = null;
  mutatedObject: Json | null = null;

  constructor(public accepted: bool) {}
}

export function accept(): Verdict {
  return new Verdict(true);
}

export function reject(message: string): Verdict {
  const verdict = new Verdict(false);
  verdict.message = message;
  return verdict;
}

export function mutate(object: Json): Verdict {
  const verdict = new Verdict(true);
  verdict.mutatedObject = object;
  return verdict;
}

/** What the host said to a call of one of its capabilities: JSON, or why it refused; `bytes` is the same in UTF-8. */
export class HostAnswer {
  constructor(public ok: bool, public bytes: ArrayBuffer) {}

  get text(): string {
    return String.UTF8.decode(this.bytes);
  }
}

/** Calls a host capability, for example `kubernetes` and `list_resources_all`, with JSON. */
export function askHost(namespace: string, operation: string, payload: string): HostAnswer {
  const words = ["kubewarden", namespace, operation, payload];
  const bytes = words.map<ArrayBuffer>((word: string) => String.UTF8.encode(word));
  const ok = callHost(
    changetype<usize>(bytes[0]),
    bytes[0].byteLength,
    changetype<usize>(bytes[1]),
    bytes[1].byteLength,
    changetype<usize>(bytes[2]),
    bytes[2].byteLength,
    changetype<usize>(bytes[3]),
    bytes[3].byteLength,
  );
  const answer = new ArrayBuffer(<i32> (ok ? hostResponseLength() : hostErrorLength()));
  if (ok) hostResponse(changetype<usize>(answer));
  else hostError(changetype<usize>(answer));
  return new HostAnswer(ok, answer);
}

/** Whether JSON in UTF-8 holds a text. For long lists: neither decodes nor parses them. */
export function holds(json: ArrayBuffer, text: string): bool {
  const wanted = String.UTF8.encode(text);
  const first = load<u8>(changetype<usize>(wanted));
  const end = changetype<usize>(json) + json.byteLength - wanted.byteLength;
  for (let at = changetype<usize>(json); at <= end; at++) {
    if (load<u8>(at) == first && memory.compare(at, changetype<usize>(wanted), wanted.byteLength) == 0) return true;
  }
  return false;
}

function noProblem(settings: Json): string | null {
  return null;
}

/**
 * Serves one `__guest_call`. `checkSettings` returns what is wrong with the settings, or null; `decodeSettings` why they
 * cannot even be read, which fails the call instead of answering it, as policies with typed settings do.
 */
export function answer(
  operationLength: usize,
  payloadLength: usize,
  validate: (request: Json, settings: Json) => Verdict,
  checkSettings: (settings: Json) => string | null,
  decodeSettings: (settings: Json) => string | null = noProblem,
): bool {
  const operationBytes = new ArrayBuffer(<i32> operationLength);
  const payloadBytes = new ArrayBuffer(<i32> payloadLength);
  guestRequest(changetype<usize>(operationBytes), changetype<usize>(payloadBytes));
  const operation = String.UTF8.decode(operationBytes);
  if (operation == "protocol_version") return respond('"v1"');

  const payload = parseJson(String.UTF8.decode(payloadBytes));
  if (operation == "validate_settings") {
    const problem = decodeSettings(payload);
    if (problem === null) return respond(settingsAnswer(checkSettings(payload)));
    sendError(problem);
    return false;
  }
  if (operation == "validate") {
    const request = payload.get("request");
    const settings = payload.get("settings");
    return respond(verdictAnswer(validate(request ? request : map(), settings ? settings : map())));
  }
  sendError('no handler for operation "' + operation + '"');
  return false;
}

/** What `abort` becomes: the text goes to the host before the guest traps. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  sendError((message ? message : "aborted") + " (" + (file ? file : "?") + ":" + line.toString() + ")");
  unreachable();
}

function settingsAnswer(problem: string | null): string {
  const answer = map();
  answer.set("valid", flag(problem === null));
  if (problem !== null) answer.set("message", text(problem));
  return printJson(answer);
}

function verdictAnswer(verdict: Verdict): string {
  const answer = map();
  answer.set("accepted", flag(verdict.accepted));
  const message = verdict.message;
  if (message !== null) answer.set("message", text(message));
  const mutated = verdict.mutatedObject;
  if (mutated !== null) answer.set("mutated_object", mutated);
  return printJson(answer);
}

function respond(json: string): bool {
  const bytes = String.UTF8.encode(json);
  guestResponse(changetype<usize>(bytes), bytes.byteLength);
  return true;
}

function sendError(message: string): void {
  const bytes = String.UTF8.encode(message);
  guestError(changetype<usize>(bytes), bytes.byteLength);
}
