// pure

const int32 = 2n ** 31n, int64 = 2n ** 63n;

/** String formats that the API server checks; one that is not here is documentation only. */
const stringFormats: Readonly<Record<string, (value: string) => boolean>> = {
  "date-time": (value) =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
  "date-time-micro": (value) => stringFormats["date-time"]?.(value) ?? false,
  "date": (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  "byte": (value) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
  "uuid": (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
  "ipv4": isIpv4,
  "duration": (value) => /^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$|^0$/.test(value),
  "uri": (value) => URL.canParse(value),
  "quantity": isQuantity,
};

export function hasFormat(format: string, value: string): boolean {
  return stringFormats[format]?.(value) ?? true;
}

/** Whether an integer, as its digits, fits `int32` or `int64`. */
export function fitsInteger(format: string | undefined, digits: string): boolean {
  if (!/^-?\d+$/.test(digits)) return true;
  const limit = format === "int32" ? int32 : int64;
  const value = BigInt(digits);
  return value >= -limit && value < limit;
}

/** A resource quantity: `100m`, `1.5Gi`, `1e3`. */
export function isQuantity(value: string): boolean {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?$/.test(value);
}

export function isIpv4(value: string): boolean {
  const parts = value.split(".");
  return parts.length === 4 && parts.every((each) => /^(0|[1-9]\d{0,2})$/.test(each) && Number(each) < 256);
}
