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
    const text = `U+${
      BigInt.asUintN(64, value).toString(16).toUpperCase().padStart(Math.max(4, spec.precision ?? 0), "0")
    }`;
    return padded(spec.sharp ? `${text} '${rune}'` : text, { ...spec, zero: false });
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
  const [mantissa = "0", exponent = "0"] = precision === undefined
    ? value.toExponential().split("e")
    : scientific(value, Math.max(precision, 1));
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
  const [mantissa, power] = scientific(value, precision + 1);
  return withExponent(mantissa, Number(power));
}

/** Mantissa and exponent with so many digits. */
function scientific(value: number, significant: number): [string, string] {
  const power = Number(value.toExponential(exactDigits).split("e")[1]);
  const digits = String(rounded(value, significant)).padStart(significant, "0");
  // Nines that were rounded up have become one digit more.
  const carried = digits.length - significant;
  const mantissa = digits.slice(0, significant);
  return [mantissa.replace(/^(.)(.)/, "$1.$2"), String(power + carried)];
}

function fixed(value: number, precision: number): string {
  const power = Number(value.toExponential(exactDigits).split("e")[1]);
  const digits = String(rounded(value, power + 1 + precision)).padStart(precision + 1, "0");
  return precision === 0 ? digits : `${digits.slice(0, -precision)}.${digits.slice(-precision)}`;
}

/** As many as JavaScript gives; few numbers have more. */
const exactDigits = 100;

/** The first digits of a number, the last one rounded to even where it is a tie: JavaScript rounds that up. */
function rounded(value: number, significant: number): bigint {
  const all = (value.toExponential(exactDigits).split("e")[0] ?? "0").replace(".", "");
  if (significant >= all.length) return BigInt(all.padEnd(significant, "0"));
  if (significant < 0) return 0n;
  const head = BigInt(all.slice(0, significant) || "0"), rest = all.slice(significant);
  const isAbove = rest > "5" && /[1-9]/.test(rest.slice(1)) || rest.charAt(0) > "5";
  const isTie = rest.charAt(0) === "5" && !isAbove;
  return head + (isAbove || (isTie && head % 2n === 1n) ? 1n : 0n);
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
