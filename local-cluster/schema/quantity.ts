// pure

/** A resource.Quantity as an exact number of nano-units: what CEL's `quantity()` computes with. */
export class Quantity {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  /** Undefined for a text that is no quantity. */
  static parse(text: string): Quantity | undefined {
    const match = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/.exec(text);
    const [, sign, whole = "", fraction = "", suffix = ""] = match ?? [];
    if (!match || whole + fraction === "" || fraction.length > 30) return undefined;
    const binary = "KMGTPE".indexOf(suffix[0] ?? "?") + 1;
    const exponent = /^[eE][+-]?\d+$/.test(suffix) ? Number(suffix.slice(1)) : decimalExponents[suffix] ?? 0;
    if (Math.abs(exponent) > 60) return undefined;
    const factor = suffix.endsWith("i") ? 1024n ** BigInt(binary) : 1n;
    const scale = exponent + 9 - fraction.length;
    const digits = BigInt(whole + fraction) * factor;
    const nanos = scale >= 0 ? digits * 10n ** BigInt(scale) : roundedUp(digits, 10n ** BigInt(-scale));
    return new Quantity(sign === "-" ? -nanos : nanos);
  }

  compareTo({ nanos }: Quantity): bigint {
    return this.nanos === nanos ? 0n : this.nanos < nanos ? -1n : 1n;
  }

  isInteger(): boolean {
    return this.nanos % 1_000_000_000n === 0n;
  }

  toNumber(): number {
    return Number(this.nanos) / 1e9;
  }
}

const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

/** Quantities finer than nano are rounded up, as upstream does. */
function roundedUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
