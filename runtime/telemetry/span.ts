// pure

/** Attributes of spans; what is undefined is left out, long texts are cut. Never pass a secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** One piece of work inside a trace. */
export type Span = {
  readonly traceId: string;
  set(attributes: SpanAttributes): void;
  /** Something that happened meanwhile. */
  event(name: string, attributes: SpanAttributes): void;
  /** The work did not come to its end. */
  fail(message: string): void;
  child(name: string, attributes?: SpanAttributes): Span;
  end(): void;
};

/** Begins traces, or continues the one a request's headers tell of. Undefined: nobody wants this trace. */
export type Tracer = {
  start(name: string, options?: { attributes?: SpanAttributes; headers?: Headers }): Span | undefined;
};
