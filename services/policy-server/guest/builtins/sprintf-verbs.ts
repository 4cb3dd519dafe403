// pure

/** What stands between the percent sign and the verb. */
export type Spec = {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
};

/** The verbs of Go's `fmt` for the three kinds of values that Rego has for it; undefined: not a verb for this kind. */
export function formatText(value: string, verb: string, spec: Spec): string | undefined {
  const { precision } = spec;
  const cut = precision === undefined ? value : Array.from(value).slice(0, precision).join("");
  switch (verb) {
    case "s":
    case "v":
      return padded(spec.sharp && verb === "v" ? quoted(cut, spec) : cut, spec);
    case "q":
      return padded(spec.sharp && !/[`\p{Cc}]/u.test(cut) ? `\`${cut}\`` : quoted(cut, spec), spec);
    case "x":
    case "X": {
      const bytes = [...new TextEncoder().encode(value)].slice(0, precision);
      const hex = bytes.map((each) => each.toString(16).padStart(2, "0"));
      const prefix = spec.sharp && hex.length > 0 ? "0x" : "";
      const text = spec.space ? hex.map((each) => prefix + each).join(" ") : prefix + hex.join("");
      return padded(verb === "X" ? text.toUpperCase() : text, spec);
    }
    default:
      return undefined;
  }
}

const bases: Record<string, { base: number; prefix: string }> = {
  d: { base: 10, prefix: "" },
  v: { base: 10, prefix: "" },
  b: { base: 2, prefix: "0b" },
  o: { base: 8, prefix: "0" },
  O: { base: 8, prefix: "0o" },
  x: { base: 16, prefix: "0x" },
  X: { base: 16, prefix: "0X" },
};

export function formatInteger(value: bigint, verb: string, spec: Spec): string | undefined {
  const rune = value >= 0n && value <= 0x10ffffn ? String.fromCodePoint(Number(value)) : "\ufffd";
  if (verb === "c") return padded(rune, spec);
  if (verb === "q") {
    return padded(`'${quoted(rune, spec).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`, spec);
  }
  if (verb === "U") {
    const text = `U+${value.toString(16).toUpperCase().padStart(Math.max(4, spec.precision ?? 0), "0")}`;
    return padded(spec.sharp ? `${text} '${rune}'` : text, spec);
  }
  const form = Object.hasOwn(bases, verb) ? bases[verb] : undefined;
  if (form === undefined) return undefined;
  if (spec.precision === 0 && value === 0n) return padded("", { ...spec, zero: false });
  const plain = (value < 0n ? -value : value).toString(form.base).padStart(spec.precision ?? 0, "0");
  const digits = verb === "X" ? plain.toUpperCase() : plain;
  const isPrefixed = verb === "O" || (spec.sharp && !(verb === "o" && digits.startsWith("0")));
  const sign = signOf(value < 0n, spec);
  return paddedNumber(sign + (isPrefixed ? form.prefix : ""), digits, {
    ...spec,
    zero: spec.zero && spec.precision === undefined,
  });
}

export function formatFloat(value: number, verb: string, spec: Spec): string | undefined {
  const magnitude = Math.abs(value);
  const sign = signOf(value < 0 || Object.is(value, -0), spec);
  switch (verb) {
    case "e":
    case "E":
      return paddedNumber(sign, cased(exponential(magnitude, spec.precision ?? 6), verb), spec);
    case "f":
    case "F":
      return paddedNumber(sign, fixed(magnitude, spec.precision ?? 6), spec);
    case "g":
    case "G":
    case "v":
      return paddedNumber(sign, cased(general(magnitude, spec.precision), verb), spec);
    default:
      return undefined;
  }
}

/** The shorter of fixed and exponential, as Go's `%g` chooses: exponents below -4, and from the precision (or 6) on. */
function general(value: number, precision: number | undefined): string {
  const scientific = precision === undefined
    ? value.toExponential()
    : value.toExponential(Math.min(99, Math.max(precision, 1) - 1));
  const [mantissa = "0", exponent = "0"] = scientific.split("e");
  const power = Number(exponent);
  const significant = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  const limit = precision === undefined ? 6 : Math.max(precision, 1);
  if (power < -4 || power >= limit) return withExponent(significant, power);
  const digits = significant.replace(".", "");
  if (power < 0) return `0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  const rest = digits.slice(power + 1);
  return rest === "" ? whole : `${whole}.${rest}`;
}

function exponential(value: number, precision: number): string {
  const [mantissa = "0", exponent = "0"] = value.toExponential(Math.min(100, precision)).split("e");
  return withExponent(mantissa, Number(exponent));
}

/** `toFixed` gives up at 1e21. */
function fixed(value: number, precision: number): string {
  const digits = Math.min(100, precision);
  if (value < 1e21) return value.toFixed(digits);
  return `${BigInt(value)}${digits === 0 ? "" : `.${"0".repeat(digits)}`}`;
}

function withExponent(mantissa: string, power: number): string {
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const cased = (text: string, verb: string) => verb === "E" || verb === "G" ? text.toUpperCase() : text;
const signOf = (negative: boolean, { plus, space }: Spec) => negative ? "-" : plus ? "+" : space ? " " : "";

function padded(text: string, { width = 0, minus, zero }: Spec): string {
  const missing = width - Array.from(text).length;
  if (missing <= 0) return text;
  return minus ? text + " ".repeat(missing) : (zero ? "0" : " ").repeat(missing) + text;
}

/** Zeros go behind the sign. */
function paddedNumber(sign: string, digits: string, spec: Spec): string {
  const { width = 0, zero } = spec;
  return zero ? sign + digits.padStart(width - sign.length, "0") : padded(sign + digits, spec);
}

const escapes: Record<string, string> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** A text in Go's double quotes; with `plus` in ASCII only. */
function quoted(text: string, { plus }: Spec): string {
  const characters = Array.from(text, (each) => {
    const known = escapes[each];
    if (known !== undefined) return known;
    const code = each.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
    const isPrintable = each === " " || (/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(each) && !(plus && code > 0x7e));
    if (isPrintable) return each;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${characters.join("")}"`;
}
