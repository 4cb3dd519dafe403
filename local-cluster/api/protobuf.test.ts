import { test } from "uvu";
import * as assert from "uvu/assert";
import { StatusError } from "../schema/status-error.ts";
import { decodeProtobuf } from "./protobuf.ts";

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const varint = (value: number): number[] => value < 128 ? [value] : [value % 128 + 128, ...varint(value >> 7)];
const bytes = (number: number, content: number[]) => [...varint(number * 8 + 2), ...varint(content.length), ...content];
const text = (number: number, content: string) => bytes(number, utf8(content));
const int = (number: number, value: number) => [...varint(number * 8), ...varint(value)];
const envelope = (apiVersion: string, kind: string, raw: number[]) =>
  Uint8Array.from([
    ...utf8("k8s\0"),
    ...bytes(1, [...text(1, apiVersion), ...text(2, kind)]),
    ...bytes(2, raw),
    ...text(3, ""),
    ...text(4, ""),
  ]);

test("protobuf: a Namespace as kubectl create sends it, zero values left out", () => {
  const metadata = [
    ...text(1, "demo"),
    ...text(2, ""),
    ...bytes(8, []),
    ...bytes(11, [...text(1, "a"), ...text(2, "b")]),
  ];
  const body = envelope("v1", "Namespace", [...bytes(1, metadata), ...bytes(2, []), ...bytes(3, text(1, ""))]);
  assert.equal(decodeProtobuf(body), {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "demo", labels: { a: "b" } },
  });
});

test("protobuf: lists keep empty strings, bytes become base64, a pointer's zero counts", () => {
  const rule = [...text(1, "get"), ...text(2, ""), ...text(3, "pods")];
  assert.equal(decodeProtobuf(envelope("rbac.authorization.k8s.io/v1", "Role", bytes(2, rule))).rules, [
    { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
  ]);
  const entry = [...text(1, "k"), ...bytes(2, [0xff, 0x00])];
  assert.equal(decodeProtobuf(envelope("v1", "Secret", bytes(2, entry))).data, { k: "/wA=" });
  assert.equal(decodeProtobuf(envelope("apps/v1", "Deployment", bytes(2, int(1, 0)))).spec, { replicas: 0 });
});

const refused: [name: string, body: Uint8Array][] = [
  ["a kind that is only read as JSON", envelope("v1", "Service", [])],
  ["a field that is not known and says something", envelope("v1", "ConfigMap", int(99, 7))],
  ["a body that ends too early", envelope("v1", "ConfigMap", [0x0a, 0x7f, 0x01])],
  ["a body without the envelope", Uint8Array.from(utf8("{}"))],
];
for (const [name, body] of refused) {
  test(`protobuf: ${name} is refused with 415`, () => {
    assert.throws(
      () => decodeProtobuf(body),
      (error: unknown) => error instanceof StatusError && error.status.code === 415,
    );
  });
}

test.run();
