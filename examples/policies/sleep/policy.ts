// Accepts every Pod after a while, to try out time limits:
//   sleepMilliseconds: how long (optional); the Pod's annotation of the same name goes before it
import { accept, answer, Verdict } from "../sdk/guest";
import { Json, Kind, printJson } from "../sdk/json";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "poll_oneoff")
declare function pollOneoff(subscriptions: usize, events: usize, count: u32, eventCount: usize): i32;

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings, decodeSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const object = request.get("object");
  const metadata = object ? object.get("metadata") : null;
  const annotations = metadata ? metadata.get("annotations") : null;
  const annotated = annotations ? annotations.get("sleepMilliseconds") : null;
  const milliseconds = annotated ? annotated : settings.get("sleepMilliseconds");
  if (milliseconds) sleep(u64.parse(milliseconds.text));
  return accept();
}

/** One subscription to the monotonic clock (48 bytes), relative; the event that comes back (32 bytes) says nothing new. */
function sleep(milliseconds: u64): void {
  const subscription = changetype<usize>(new ArrayBuffer(48));
  store<u32>(subscription, 1, 16);
  store<u64>(subscription, milliseconds * 1000000, 24);
  const event = changetype<usize>(new ArrayBuffer(36));
  pollOneoff(subscription, event, 1, event + 32);
}

function checkSettings(settings: Json): string | null {
  return null;
}

function decodeSettings(settings: Json): string | null {
  const milliseconds = settings.get("sleepMilliseconds");
  if (!milliseconds || isUnsigned(milliseconds)) return null;
  const found = milliseconds.kind == Kind.Text ? "string " : milliseconds.kind == Kind.Number ? "number " : "value ";
  return "Error decoding validation payload " + printJson(settings) + ": invalid type: " + found +
    printJson(milliseconds) + ", expected u64";
}

function isUnsigned(value: Json): bool {
  if (value.kind != Kind.Number || value.text.length > 19) return false;
  for (let i = 0; i < value.text.length; i++) {
    const code = value.text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
