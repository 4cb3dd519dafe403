// pure

/**
 * Just enough of protobuf's wire format to read what an exporter sent: a message as field number -> values, each a number
 * (varint), a double's or fixed64's eight bytes, or bytes.
 */
export type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

export function readMessage(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a message ends inside a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => bytes.subarray(at, at += length);
  while (at < bytes.length) {
    const tag = varint();
    const type = Number(tag & 7n);
    if (![0, 1, 2, 5].includes(type)) throw new RangeError(`unknown wire type ${type}`);
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
    fields.set(Number(tag >> 3n), [...fields.get(Number(tag >> 3n)) ?? [], value]);
  }
  return fields;
}

/** All messages in a repeated field. */
export function messages(fields: Fields, field: number): Fields[] {
  return (fields.get(field) ?? []).map((value) => readMessage(value as Uint8Array));
}

export function text(fields: Fields, field: number): string {
  return new TextDecoder().decode(fields.get(field)?.[0] as Uint8Array | undefined);
}

export function hex(fields: Fields, field: number): string {
  return (fields.get(field)?.[0] as Uint8Array | undefined)?.toHex() ?? "";
}

/** A varint; 0 if absent, as protobuf means it. */
export function integer(fields: Fields, field: number): number {
  return Number(BigInt.asIntN(64, fields.get(field)?.[0] as bigint | undefined ?? 0n));
}

/** A fixed64 or a double. */
export function eightBytes(fields: Fields, field: number, as: "fixed" | "double"): number {
  const bytes = fields.get(field)?.[0] as Uint8Array | undefined;
  if (bytes === undefined) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return as === "fixed" ? Number(view.getBigInt64(0, true)) : view.getFloat64(0, true);
}
