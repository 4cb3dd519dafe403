// pure

/** Whether two JSON number texts name the same value, exactly: `1.0`, `1` and `10e-1` do, big integers never round. */
export function sameNumber(left: string, right: string): boolean {
  return left === right || canonical(left) === canonical(right);
}

/** Sign, significant digits and the power of ten of the last one. */
function canonical(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
