import { gzipSync } from "node:zlib";
import { Function as PprofFunction, Line, Location, Profile, Sample, StringTable, ValueType } from "pprof-format";
import type { CallFrame, Measured } from "./pprof-types.ts";

export type PprofOptions = {
  /** Name and unit of each value. */
  types: readonly (readonly [string, string])[];
  period: { type: readonly [string, string]; value: number };
  at: Date;
  durationNs?: number;
};

/** Gzipped protobuf as `go tool pprof` reads it; the thread of each sample is a label. */
export function pprofOf(measured: readonly Measured[], { types, period, at, durationNs = 0 }: PprofOptions) {
  const strings = new StringTable();
  const typeOf = ([type, unit]: readonly [string, string]) =>
    new ValueType({ type: strings.dedup(type), unit: strings.dedup(unit) });
  const functions = new Map<string, PprofFunction>(), locations = new Map<string, Location>();
  const locationOf = ({ functionName, url, lineNumber }: CallFrame) => {
    const name = functionName || "(anonymous)";
    const functionKey = `${name} ${url}`, key = `${functionKey} ${lineNumber}`;
    const known = locations.get(key);
    if (known) return known.id;
    const named = functions.get(functionKey) ?? new PprofFunction({
      id: functions.size + 1,
      name: strings.dedup(name),
      systemName: strings.dedup(name),
      filename: strings.dedup(url),
    });
    functions.set(functionKey, named);
    // V8 counts lines from 0, and has none for its own work.
    const line = new Line({ functionId: named.id, line: Math.max(0, lineNumber + 1) });
    const location = new Location({ id: locations.size + 1, line: [line] });
    locations.set(key, location);
    return location.id;
  };
  const threadKey = strings.dedup("thread");
  const sample = measured.map(({ stack, values, thread }) =>
    new Sample({
      locationId: stack.map(locationOf),
      value: [...values],
      label: [{ key: threadKey, str: strings.dedup(thread) }],
    })
  );
  const profile = new Profile({
    sampleType: types.map(typeOf),
    sample,
    periodType: typeOf(period.type),
    period: period.value,
    timeNanos: BigInt(at.getTime()) * 1_000_000n,
    durationNanos: durationNs,
    location: [...locations.values()],
    function: [...functions.values()],
    stringTable: strings,
  });
  return new Uint8Array(gzipSync(profile.encode()));
}
