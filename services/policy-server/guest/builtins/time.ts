import { parseJson, type RawNumber } from "../../../../contracts/json.ts";
import { integerOperand, numberText, operandError, textOperand } from "./operands.ts";
import { isList, type RegoValue } from "./rego-value.ts";

/** Times of Rego are nanoseconds since 1970, in a time zone where one is named: `ns` or `[ns, "Europe/Berlin"]`. */
type Zoned = { ns: bigint; zone: string | undefined };
/** What a clock on the wall shows; `month` counts from 1. */
type Wall = { year: number; month: number; day: number; hour: number; minute: number; second: number };

const second = 1_000_000_000n;
const millisecond = 1_000_000n;
const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** `time.now_ns`: the wall clock, which has milliseconds. */
export function nowNs(): RawNumber | number {
  return wholeNumber(BigInt(Date.now()) * millisecond);
}

/** `time.parse_rfc3339_ns`. */
export function parseRfc3339(text: string): RawNumber | number {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text);
  if (parts === null) throw new Error(`parsing time ${JSON.stringify(text)} as RFC 3339: not such a time`);
  const [year, month, day, hour, minute, seconds] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [offsetHours, offsetMinutes] = parts.slice(9, 11).map((each) => Number(each ?? 0)) as [number, number];
  const days = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const inRange = month >= 1 && month <= 12 && day >= 1 && day <= (month === 2 && !isLeap ? 28 : days) && hour <= 23 &&
    minute <= 59 && seconds <= 59 && offsetHours <= 24 && offsetMinutes <= 59;
  if (!inRange) throw new Error(`parsing time ${JSON.stringify(text)}: out of range`);
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (parts[8] === "-" ? -1 : 1);
  const fraction = BigInt((parts[7] ?? "").padEnd(9, "0").slice(0, 9));
  const ms = utcMs({ year, month, day, hour, minute, second: seconds }) - offsetMs;
  return inReach(BigInt(ms) * millisecond + fraction);
}

/** `time.date`: year, month and day. */
export function dateOf(operand: RegoValue): number[] {
  const { year, month, day } = wallOf(zonedOf(operand, 1));
  return [year, month, day];
}

/** `time.clock`: hour, minute and second. */
export function clockOf(operand: RegoValue): number[] {
  const { hour, minute, second } = wallOf(zonedOf(operand, 1));
  return [hour, minute, second];
}

/** `time.weekday`: its English name. */
export function weekdayOf(operand: RegoValue): string {
  return weekdays[new Date(utcMs(wallOf(zonedOf(operand, 1)))).getUTCDay()] ?? "";
}

/** `time.add_date`: years, months and days in UTC, carried over where a month is shorter. */
export function addDate(operands: readonly RegoValue[]): RawNumber | number {
  const { ns } = zonedOf(operands[0] ?? null, 1);
  const [years, months, days] = [2, 3, 4].map((place) => integerOperand(operands, place)) as [number, number, number];
  const wall = wallOf({ ns, zone: "UTC" });
  const ms = utcMs({ ...wall, year: wall.year + years, month: wall.month + months, day: wall.day + days });
  if (!Number.isFinite(ms)) throw new Error("time outside of valid range");
  return inReach(BigInt(ms) * millisecond + modulo(ns, second));
}

/** `time.diff`: years, months, days, hours, minutes and seconds between two times, in the zone of the first. */
export function timeDifference(operands: readonly RegoValue[]): number[] {
  const a = zonedOf(operands[0] ?? null, 1), b = { ...zonedOf(operands[1] ?? null, 2), zone: a.zone };
  const [from, to] = (a.ns <= b.ns ? [a, b] : [b, a]).map(wallOf) as [Wall, Wall];
  const parts = [to.year - from.year, to.month - from.month, to.day - from.day, to.hour - from.hour];
  let [year, month, day, hour] = parts as [number, number, number, number];
  let minute = to.minute - from.minute, seconds = to.second - from.second;
  if (seconds < 0) [seconds, minute] = [seconds + 60, minute - 1];
  if (minute < 0) [minute, hour] = [minute + 60, hour - 1];
  if (hour < 0) [hour, day] = [hour + 24, day - 1];
  if (day < 0) [day, month] = [day + new Date(Date.UTC(from.year, from.month, 0)).getUTCDate(), month - 1];
  if (month < 0) [month, year] = [month + 12, year - 1];
  return [year, month, day, hour, minute, seconds];
}

const unitNs: Record<string, bigint> = {
  ns: 1n,
  us: 1000n,
  "µs": 1000n,
  "μs": 1000n,
  ms: millisecond,
  s: second,
  m: 60n * second,
  h: 3600n * second,
  d: 86_400n * second,
  w: 7n * 86_400n * second,
  y: 365n * 86_400n * second,
};

/** `time.parse_duration_ns`: Go's durations, and days, weeks and years. */
export function parseDuration(text: string): RawNumber | number {
  const refused = new Error(`time: invalid duration ${JSON.stringify(text)}`);
  const [, sign, rest = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === "0") return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|[smhdwy]))+$/.test(rest)) throw refused;
  let ns = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of rest.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|[smhdwy])/g)) {
    const size = unitNs[unit] ?? 0n;
    ns += BigInt(whole || "0") * size + BigInt(fraction || "0") * size / 10n ** BigInt(fraction.length);
  }
  if (ns > most) throw refused;
  return wholeNumber(sign === "-" ? -ns : ns);
}

function zonedOf(operand: RegoValue, place: number): Zoned {
  const [time, zone] = isList(operand) ? operand : [operand];
  const text = numberText(time ?? null);
  if (text === undefined) throw operandError(place, "either number (ns) or [number (ns), string (tz)]", operand);
  const zoneName = zone === undefined ? "UTC" : textOperand([zone], 1) || "UTC";
  const ns = /[.eE]/.test(text) ? BigInt(Math.trunc(Number(text))) : BigInt(text);
  if (ns < least || ns > most) throw new Error("timestamp too big");
  return { ns, zone: zoneName === "Local" ? undefined : zoneName };
}

const formats = new Map<string | undefined, Intl.DateTimeFormat>();

/** Throws an error for a zone that nobody knows. */
function wallOf({ ns, zone }: Zoned): Wall {
  let format = formats.get(zone);
  if (format === undefined) {
    const numeric = "numeric" as const;
    format = new Intl.DateTimeFormat("en-US", {
      ...(zone === undefined ? {} : { timeZone: zone }),
      ...{ calendar: "iso8601", numberingSystem: "latn", hourCycle: "h23" as const },
      ...{ year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric },
    });
    formats.set(zone, format);
  }
  const ms = Number((ns - modulo(ns, millisecond)) / millisecond);
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return { year, month, day, hour, minute, second: seconds };
}

function utcMs({ year, month, day, hour, minute, second }: Wall): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second);
}

function modulo(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}

function inReach(ns: bigint): RawNumber | number {
  if (ns < least || ns > most) throw new Error("time outside of valid range");
  return wholeNumber(ns);
}

/** Nanoseconds do not fit into a number of JavaScript. */
function wholeNumber(value: bigint): RawNumber | number {
  return parseJson(String(value)) as RawNumber | number;
}
