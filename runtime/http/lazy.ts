// pure

/**
 * Lets `own`, which has the cheap members of a standard class, answer the others by the real thing: every member of
 * `standard` that `own` lacks is taken from what `real` makes of it. `instanceof` holds for both.
 */
export function standInFor<T extends object>(
  own: object,
  standard: T,
  real: (standIn: never) => T,
): void {
  Object.setPrototypeOf(own, standard);
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(standard))) {
    if (Object.hasOwn(own, name)) continue;
    const member = name as keyof T;
    Object.defineProperty(own, name, {
      configurable: true,
      ...(typeof value === "function"
        ? {
          value(this: never, ...args: unknown[]) {
            const target = real(this);
            return (target[member] as (...all: unknown[]) => unknown).apply(target, args);
          },
        }
        : {
          get(this: never) {
            return real(this)[member];
          },
        }),
    });
  }
}
