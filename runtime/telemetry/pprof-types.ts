// pure

/** A place in the code, lines counted from 0. */
export type CallFrame = { functionName: string; url: string; lineNumber: number };

/** Something measured at one place: the innermost frame first, one value for each type. */
export type Measured = { stack: readonly CallFrame[]; values: readonly number[]; thread: string };
