// pure
import { isRecord } from "../schema/schema.ts";

/**
 * The first value at a printer column's JSONPath: `.spec.x`, `.items[0]`, `.labels.a\.b`, `.conditions[?(@.type=="X")].status`.
 * Other JSONPath syntax finds nothing.
 */
export function firstAtPath(value: unknown, path: string): unknown {
  return valuesAtPath(value, path)[0];
}

function valuesAtPath(value: unknown, path: string): unknown[] {
  const steps = [
    ...path.matchAll(/\.((?:\\.|[^.[\\])+)|\[(\d+)\]|\[\*\]|\[\?\(@\.([^=!\s]+)\s*==\s*["']([^"']*)["']\)\]/g),
  ];
  return steps.reduce<unknown[]>((values, [step, field, index, key, wanted]) =>
    values.flatMap((each) => {
      if (field !== undefined) {
        const name = field.replaceAll("\\", "");
        return isRecord(each) && each[name] !== undefined ? [each[name]] : [];
      }
      if (!Array.isArray(each)) return [];
      if (index !== undefined) return each.slice(Number(index), Number(index) + 1);
      if (step === "[*]") return each;
      return each.filter((item) => valuesAtPath(item, `.${key}`)[0] === wanted);
    }), [value]);
}
