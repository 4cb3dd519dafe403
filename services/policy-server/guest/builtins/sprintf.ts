// pure
import { formatFloat, formatInteger, formatText, type Spec } from "./sprintf-verbs.ts";
import { numberText } from "./operands.ts";
import { type RegoValue, renderRego } from "./rego-value.ts";

/** What Go's `fmt` sees of a value of Rego: whole numbers, other numbers, and text for all the rest. */
export type Argument =
  | { type: "int64" | "big.Int"; value: bigint }
  | { type: "float64"; value: number }
  | { type: "string"; value: string };

/** Wider than any message: what a policy may ask for must not fill our memory. */
const maxWidth = 1_000_000;
const maxBytes = 4_000_000;

/** `sprintf` of Rego, which is Go's `fmt.Sprintf`, its complaints about wrong verbs and arguments included. */
export function sprintf(format: string, values: readonly RegoValue[]): string {
  const args = values.map(argumentOf);
  let out = "", next = 0, reordered = false;
  for (let at = 0; at < format.length;) {
    const percent = format.indexOf("%", at);
    if (percent < 0) {
      out += format.slice(at);
      break;
    }
    out += format.slice(at, percent);
    const directive = readDirective(format, percent + 1, { args, next });
    at = directive.end;
    reordered ||= directive.reordered;
    next = directive.next;
    out += directive.complaints;
    const { verb, spec, badIndex } = directive;
    if (verb === undefined) {
      out += "%!(NOVERB)";
      break;
    }
    if (verb === "%") out += "%";
    else if (badIndex) out += `%!${verb}(BADINDEX)`;
    else {
      const argument = args[next];
      next++;
      out += argument === undefined ? `%!${verb}(MISSING)` : formatted(argument, verb, spec);
    }
    if (out.length > maxBytes) throw new RangeError("the text is too long");
  }
  if (reordered || next >= args.length) return out;
  const extra = args.slice(next).map((each) => `${goType(each)}=${formatted(each, "v", plain)}`);
  return `${out}%!(EXTRA ${extra.join(", ")})`;
}

const plain: Spec = {
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
};

function argumentOf(value: RegoValue): Argument {
  if (typeof value === "string") return { type: "string", value };
  const text = numberText(value);
  if (text === undefined) return { type: "string", value: renderRego(value) };
  if (/[.eE]/.test(text)) {
    return Number.isFinite(Number(text)) ? { type: "float64", value: Number(text) } : { type: "string", value: text };
  }
  const whole = BigInt(text);
  return { type: BigInt.asIntN(64, whole) === whole ? "int64" : "big.Int", value: whole };
}

function formatted(argument: Argument, verb: string, given: Spec): string {
  const { type, value } = argument;
  // A plus asks `%v` for the names of fields, which none of these values has.
  const spec = verb === "v" ? { ...given, plus: false } : given;
  if (verb === "T") return formatText(goType(argument), "s", spec) ?? type;
  const text = typeof value === "string"
    ? formatText(value, verb, spec)
    : typeof value === "number"
    ? formatFloat(value, verb, spec)
    : type === "big.Int"
    ? formatLarge(value, verb, spec)
    : formatInteger(value, verb, spec);
  if (text !== undefined) return text;
  const shown = type === "big.Int" ? String(value) : asValue(argument, spec);
  return `%!${verb}(${type}=${shown})`;
}

/** As behind a wrong verb, whose flags count. */
function asValue({ value }: Argument, spec: Spec): string {
  if (typeof value === "string") return formatText(value, "s", spec) ?? "";
  return (typeof value === "number" ? formatFloat(value, "g", spec) : formatInteger(value, "d", spec)) ?? "";
}

/** `big.Int` formats itself, and knows fewer verbs. */
function formatLarge(value: bigint, verb: string, spec: Spec): string | undefined {
  if ("cqU".includes(verb)) return undefined;
  return formatInteger(value, verb === "s" ? "d" : verb, spec);
}

/** Large numbers are pointers to Go, which says so in some places. */
function goType({ type }: Argument): string {
  return type === "big.Int" ? "*big.Int" : type;
}

type Directive = {
  verb: string | undefined;
  spec: Spec;
  end: number;
  next: number;
  reordered: boolean;
  badIndex: boolean;
  complaints: string;
};

/** Reads flags, width, precision and verb, with `*` and `[n]`, from behind a percent sign. */
function readDirective(format: string, start: number, { args, next }: { args: Argument[]; next: number }): Directive {
  const spec: Spec = { ...plain };
  let at = start, reordered = false, badIndex = false, complaints = "";
  for (; "+-# 0".includes(format.charAt(at)) && at < format.length; at++) {
    const flag = format.charAt(at);
    if (flag === "+") spec.plus = true;
    else if (flag === "-") spec.minus = true;
    else if (flag === "#") spec.sharp = true;
    else if (flag === " ") spec.space = true;
    else spec.zero = true;
  }
  takeIndex();
  spec.width = takeNumber("%!(BADWIDTH)");
  if (spec.width !== undefined && spec.width < 0) {
    spec.minus = true;
    spec.width = -spec.width;
  }
  if (spec.minus) spec.zero = false;
  if (format.charAt(at) === ".") {
    at++;
    takeIndex();
    const precision = takeNumber("%!(BADPREC)") ?? 0;
    spec.precision = precision < 0 ? undefined : precision;
  }
  takeIndex();
  const verb = format.codePointAt(at);
  const word = verb === undefined ? undefined : String.fromCodePoint(verb);
  return { verb: word, spec, end: at + (word?.length ?? 0), next, reordered, badIndex, complaints };

  function takeIndex(): void {
    if (format.charAt(at) !== "[") return;
    reordered = true;
    const close = format.indexOf("]", at);
    const index = close < 0 ? NaN : Number(format.slice(at + 1, close).trim() || NaN);
    at = close < 0 ? at + 1 : close + 1;
    if (Number.isInteger(index) && index >= 1 && index <= args.length) next = index - 1;
    else badIndex = true;
  }

  function takeNumber(complaint: string): number | undefined {
    if (format.charAt(at) === "*") {
      at++;
      const argument = args[next];
      next++;
      const value = argument?.type === "int64" ? Number(argument.value) : NaN;
      if (Math.abs(value) <= maxWidth) {
        takeIndex();
        return value;
      }
      complaints += complaint;
      return undefined;
    }
    const digits = /\d*/y;
    digits.lastIndex = at;
    const [found = ""] = digits.exec(format) ?? [];
    at += found.length;
    if (found === "") return undefined;
    if (Number(found) > maxWidth) {
      complaints += complaint;
      return undefined;
    }
    return Number(found);
  }
}
