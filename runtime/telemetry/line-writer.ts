/** Where lines go and, when the process is about to end, that they go now. */
export type LineWriter = { write(line: string): void; flush(): void };

const enough = 64 * 1024;

/**
 * Gathers the lines of one turn of the event loop into one write: under load a system call for every line costs as much as
 * answering. Nothing waits longer than the turn; `flush` before the process ends.
 */
export function lineWriter(output: (text: string) => void): LineWriter {
  let gathered = "";
  const flush = () => {
    if (gathered === "") return;
    const text = gathered;
    gathered = "";
    output(text);
  };
  return {
    write(line) {
      if (gathered === "") setImmediate(flush);
      gathered += `${line}\n`;
      if (gathered.length >= enough) flush();
    },
    flush,
  };
}
