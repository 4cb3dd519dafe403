import { standInFor } from "./lazy.ts";

/** Names in lower case. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request that has arrived as a whole. */
export type RequestParts = {
  method: string;
  /** Absolute. */
  url: string;
  headers: HeaderValues;
  body: Uint8Array<ArrayBuffer>;
  /** Asked for at most once; aborted when the client goes away. */
  signal: () => AbortSignal;
};

/**
 * A web-standard `Request` over bytes that are there already, at a fraction of the price of a real one: headers, signal
 * and streams are made when somebody asks for them. What it does not have itself, and `clone()`, comes from a real
 * `Request`; the one thing it cannot do is be handed to `new Request(...)` in place of that.
 */
export function requestOf(parts: RequestParts): Request {
  return new BufferedRequest(parts) as unknown as Request;
}

class BufferedRequest {
  readonly method: string;
  readonly url: string;
  readonly #parts: RequestParts;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;
  #used = false;
  #real: Request | undefined;

  constructor(parts: RequestParts) {
    this.method = parts.method;
    this.url = parts.url;
    this.#parts = parts;
  }

  get headers(): Headers {
    return this.#headers ??= headersOf(this.#parts.headers);
  }

  get signal(): AbortSignal {
    return this.#signal ??= this.#parts.signal();
  }

  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#used;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#real) return new Uint8Array(await this.#real.arrayBuffer());
    return this.#take();
  }

  async text(): Promise<string> {
    return this.#real ? await this.#real.text() : new TextDecoder().decode(this.#take());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** The real request; from now on it also holds the body. */
  static realOf(own: BufferedRequest): Request {
    if (own.#real) return own.#real;
    const { method, url, body } = own.#parts;
    const init = { method, headers: own.headers, signal: own.signal };
    own.#real = new Request(url, isBodiless(method) ? init : { ...init, body });
    // A body that was read is read here as well, so that this request says so too.
    if (own.#used) void own.#real.arrayBuffer();
    return own.#real;
  }

  #take(): Uint8Array<ArrayBuffer> {
    if (this.#used) throw new TypeError("the body of this request has been read already");
    if (isBodiless(this.#parts.method)) return new Uint8Array();
    this.#used = true;
    return this.#parts.body;
  }
}

standInFor<Request>(BufferedRequest.prototype, Request.prototype, BufferedRequest.realOf);

function isBodiless(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function headersOf(values: HeaderValues): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(values)) {
    // HTTP/2's `:method` and its like are no headers.
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") headers.append(name, value);
    else for (const each of value) headers.append(name, each);
  }
  return headers;
}
