// pure
import { unsupportedMediaType } from "./failures.ts";
import { protobufMessages } from "./protobuf-messages.ts";

export const protobufType = "application/vnd.kubernetes.protobuf";

/**
 * Reads a body in Kubernetes' protobuf envelope ("k8s\0" and a runtime.Unknown), which typed kubectl commands such as
 * `create namespace` send whatever the server prefers. Answers are JSON. Throws 415 on a kind or field it does not know.
 */
export function decodeProtobuf(body: Uint8Array): Record<string, unknown> {
  if (String.fromCharCode(...body.subarray(0, 4)) !== "k8s\0") throw unreadable("no k8s envelope");
  const envelope = [...fieldsIn(body.subarray(4))];
  const typeMeta = envelope.find(({ number }) => number === 1), raw = envelope.find(({ number }) => number === 2);
  if (typeMeta === undefined) throw unreadable("no kind in the envelope");
  const { apiVersion, kind } = readMessage("TypeMeta", bytesOf(typeMeta)) as { apiVersion: string; kind: string };
  if (!Object.hasOwn(protobufMessages, kind)) {
    throw unreadable(`kind ${kind} is not readable in protobuf, only in JSON`);
  }
  return { apiVersion, kind, ...readMessage(kind, raw ? bytesOf(raw) : new Uint8Array()) };
}

type WireField = { number: number; value: number | Uint8Array };

function readMessage(name: string, bytes: Uint8Array): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const wire of fieldsIn(bytes)) {
    const declared = protobufMessages[name]?.[wire.number];
    if (declared === undefined) {
      // Go writes zero values of fields that are no pointers: those say nothing.
      if (isZero(wire)) continue;
      throw unreadable(`field ${wire.number} of ${name} is not readable in protobuf, only in JSON`);
    }
    const [field = "", type = ""] = declared.split(" ");
    if (type.endsWith("[]")) {
      message[field] = [...(message[field] as unknown[] ?? []), readValue(type.slice(0, -2), wire)];
    } else if (type.startsWith("map:")) {
      const [key, value] = [...fieldsIn(bytesOf(wire))];
      const entry = [key ? readValue("string", key) : "", value ? readValue(type.slice(4), value) : ""];
      message[field] = { ...message[field] as Record<string, unknown>, [String(entry[0])]: entry[1] };
    } else {
      const value = readValue(type.replace("*", ""), wire);
      if (type.endsWith("*") || !saysNothing(value)) message[field] = value;
    }
  }
  return message;
}

function readValue(type: string, wire: WireField): unknown {
  switch (type) {
    case "string":
      return new TextDecoder().decode(bytesOf(wire));
    case "bytes":
      return btoa(String.fromCharCode(...bytesOf(wire)));
    case "int":
      return wire.value;
    case "bool":
      return wire.value === 1;
    case "Time": {
      const seconds = [...fieldsIn(bytesOf(wire))].find(({ number }) => number === 1)?.value;
      return typeof seconds === "number" ? new Date(seconds * 1000).toISOString() : undefined;
    }
    case "IntOrString": {
      const { type: kind, intVal, strVal } = readMessage("IntOrString", bytesOf(wire));
      return kind === 1 ? strVal : intVal ?? 0;
    }
    default:
      return readMessage(type, bytesOf(wire));
  }
}

function* fieldsIn(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    // Multiplication, not shifts: a varint may be wider than 32 bits. Negative numbers are not among our fields.
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw unreadable("it ends in the middle of a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8), wireType = tag % 8;
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 2) {
      const length = varint();
      if (at + length > bytes.length) throw unreadable("it ends in the middle of a field");
      yield { number, value: bytes.subarray(at, at += length) };
    } else throw unreadable(`wire type ${wireType}`);
  }
}

/** What Go writes for a field that is no pointer and was not set. */
function saysNothing(value: unknown): boolean {
  return value === undefined || value === "" || value === 0 || value === false ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

/** Zero, nothing, or a message that holds nothing else. */
function isZero({ value }: WireField): boolean {
  if (typeof value === "number") return value === 0;
  if (value.length === 0) return true;
  try {
    return [...fieldsIn(value)].every(isZero);
  } catch {
    // Bytes that are no message are a value.
    return false;
  }
}

function bytesOf({ value }: WireField): Uint8Array {
  if (typeof value === "number") throw unreadable("a number where a message belongs");
  return value;
}

function unreadable(why: string) {
  return unsupportedMediaType(
    "the body of the request was in an unknown format - accepted media types include: application/json, " +
      `application/yaml (${protobufType}: ${why})`,
  );
}
