// pure

/** What `units.parse` and `units.parse_bytes` multiply by: thousands and powers of two, the latter with an `i`. */
const letters = ["k", "m", "g", "t", "p", "e"];

/** `units.parse`: an amount as Kubernetes writes it; `m` is a thousandth, `M` a million. The number as JSON text. */
export function parseUnits(text: string): string {
  const { amount, unit } = split("units.parse", text.replaceAll('"', ""));
  const spelt = unit.slice(0, 1) + unit.slice(1).toLowerCase();
  if (spelt === "m") return decimal(amount, { divisor: 1000n });
  const factor = factorOf(spelt.toLowerCase());
  if (factor === undefined) throw new Error(`units.parse: unit ${spelt} not recognized`);
  return decimal(amount, { factor });
}

/** `units.parse_bytes`: bytes, in whole numbers. */
export function parseBytes(text: string): string {
  const { amount, unit } = split("units.parse_bytes", text.replaceAll('"', "").toLowerCase());
  const factor = factorOf(unit.replace(/b$/, ""));
  if (factor === undefined) throw new Error(`units.parse_bytes: byte unit ${unit} not recognized`);
  return decimal(amount, { factor }).replace(/\.\d*$/, "");
}

function factorOf(unit: string): bigint | undefined {
  if (unit === "") return 1n;
  const power = BigInt(letters.indexOf(unit.charAt(0)) + 1);
  if (power === 0n || !/^.i?$/.test(unit)) return undefined;
  return (unit.endsWith("i") ? 1024n : 1000n) ** power;
}

function split(name: string, text: string): { amount: string; unit: string } {
  if (text.includes(" ")) throw new Error(`${name}: spaces not allowed in resource strings`);
  const [, amount = "", unit = ""] = /^([+-]?(?:\d*\.?\d*)(?:[eE][+-]?\d{1,6}(?!\d))?)(.*)$/s.exec(text) ?? [];
  if (!/\d/.test(amount)) {
    throw new Error(`${name}: no ${name === "units.parse" ? "" : "byte "}amount provided`);
  }
  return { amount, unit };
}

/** An exact product; at most ten digits behind the point. */
function decimal(amount: string, { factor = 1n, divisor = 1n }: { factor?: bigint; divisor?: bigint }): string {
  const [mantissa = "0", exponent = "0"] = amount.toLowerCase().split("e");
  const [whole = "0", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const power = Number(exponent) - fraction.length;
  if (Math.abs(power) > 1000) throw new Error("exponent too large");
  const numerator = BigInt(`${whole}${fraction}` || "0") * factor * (power > 0 ? 10n ** BigInt(power) : 1n);
  const denominator = divisor * (power < 0 ? 10n ** BigInt(-power) : 1n);
  const sign = mantissa.startsWith("-") && numerator !== 0n ? "-" : "";
  if (numerator % denominator === 0n) return `${sign}${numerator / denominator}`;
  const scaled = (numerator * 10n ** 10n * 2n + denominator) / (denominator * 2n);
  const digits = String(scaled).padStart(11, "0");
  return `${sign}${digits.slice(0, -10)}.${digits.slice(-10)}`;
}
