// pure

/** A cost or a size: the least and the most. */
export type Range = { readonly min: number; readonly max: number };
/** As much as upstream can count to. */
export const unbounded = 2 ** 64;

export const fixed = (value: number): Range => ({ min: value, max: value });
export const zero = fixed(0), one = fixed(1);
export const cap = (value: number) => Math.min(value, unbounded);
export const plus = (...ranges: Range[]): Range =>
  ranges.reduce((sum, each) => ({ min: cap(sum.min + each.min), max: cap(sum.max + each.max) }), zero);
export const times = (left: Range, right: Range): Range => ({
  min: cap(left.min * right.min),
  max: cap(left.max * right.max),
});
/** A multiple, rounded up. */
export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: cap(Math.ceil(min * factor)),
  max: cap(Math.ceil(max * factor)),
});
/** Covers both. */
export const either = (left: Range, right: Range): Range => ({
  min: Math.min(left.min, right.min),
  max: Math.max(left.max, right.max),
});

/** Making a list or a map. */
export const listCreation = 10, mapCreation = 30;

/** What a macro costs once, and for each item, given the costs of its arguments. */
export type Comprehension = { readonly once: number; readonly each: (body: Range[]) => Range };

/** What each macro's loop costs around its body: init and result once; condition, accumulator and append each time. */
export const comprehensions: Readonly<Record<string, Comprehension>> = {
  "all/2": { once: 1, each: ([body = zero]) => plus({ min: 3, max: 3 }, { min: 0, max: body.max }) },
  "exists/2": { once: 1, each: ([body = zero]) => plus({ min: 4, max: 4 }, { min: 0, max: body.max }) },
  "exists_one/2": { once: 2, each: ([body = zero]) => plus(body, { min: 1, max: 2 }) },
  "map/2": { once: listCreation + 1, each: ([body = zero]) => plus(fixed(listCreation + 2), body) },
  "map/3": {
    once: listCreation + 1,
    each: ([filter = zero, body = zero]) => plus(filter, either(one, plus(fixed(listCreation + 2), body))),
  },
  "filter/2": { once: listCreation + 1, each: ([body = zero]) => plus(body, { min: 1, max: listCreation + 3 }) },
};
