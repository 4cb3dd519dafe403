/** What one run of a container wrote, line by line; bounded, so that a chatty pod cannot eat the machine. */
export class ContainerLog {
  readonly #lines: { time: string; text: string }[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #maxLines = 20_000;
  #dropped = 0;
  #partial: Record<string, string> = {};
  #ended = false;

  /** Takes a chunk of stdout or stderr; lines of the two never mix. */
  write(stream: "stdout" | "stderr", chunk: string): void {
    const lines = `${this.#partial[stream] ?? ""}${chunk}`.split("\n");
    this.#partial[stream] = lines.pop() ?? "";
    for (const text of lines) this.#push(text);
    if (lines.length > 0) this.#notify();
  }

  end(): void {
    for (const rest of Object.values(this.#partial)) if (rest !== "") this.#push(rest);
    this.#partial = {};
    this.#ended = true;
    this.#notify();
  }

  /** The last lines as one text, for `FallbackToLogsOnError` (80 lines or 2048 bytes, whichever is less). */
  tail(): string {
    return this.#lines.slice(-80).map((each) => `${each.text}\n`).join("").slice(-2048);
  }

  /** Lines as `kubectl logs` shows them; with `follow` until the container ends or the signal is aborted. */
  async *read(options: LogOptions & { signal?: AbortSignal }): AsyncIterable<string> {
    const show = (line: { time: string; text: string }) =>
      options.timestamps === true ? `${line.time} ${line.text}\n` : `${line.text}\n`;
    const since = options.sinceSeconds === undefined ? "" : isoSecondsAgo(options.sinceSeconds);
    const start = options.tailLines === undefined ? 0 : Math.max(0, this.#lines.length - options.tailLines);
    let next = this.#dropped + start;
    while (options.signal?.aborted !== true) {
      while (next < this.#dropped + this.#lines.length) {
        const line = this.#lines[Math.max(0, next - this.#dropped)];
        next = Math.max(next, this.#dropped) + 1;
        if (line && line.time >= since) yield show(line);
      }
      if (options.follow !== true || this.#ended) return;
      await this.#changed(options.signal);
    }
  }

  #push(text: string): void {
    this.#lines.push({ time: new Date().toISOString(), text });
    if (this.#lines.length > this.#maxLines) {
      this.#lines.shift();
      this.#dropped++;
    }
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#listeners.add(done);
      signal?.addEventListener("abort", done);
    });
  }
}

/** Query of `pods/<name>/log`. */
export type LogOptions = {
  container?: string;
  previous?: boolean;
  follow?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  timestamps?: boolean;
};

function isoSecondsAgo(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}
