import { connect } from "node:net";

export type Talk = {
  port: number;
  /** How many of the bytes go first, on their own. */
  cut?: number;
  /** Says after the bytes that no more will come. */
  end?: boolean;
  /** Goes away after this time without waiting for the server to close. */
  leaveAfterMs?: number | undefined;
};

/** Sends bytes over a connection of its own on loopback; everything that came back until it was closed, by whomever. */
export function talk(bytes: Uint8Array, { port, cut = 0, end = false, leaveAfterMs }: Talk): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const chunks: Buffer[] = [];
  const socket = connect({ host: "127.0.0.1", port });
  socket.setNoDelay(true);
  const leave = leaveAfterMs === undefined ? undefined : setTimeout(() => socket.destroy(), leaveAfterMs);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {}); // A reset is an answer too; "close" follows.
  socket.on("close", () => {
    clearTimeout(leave);
    resolve(new Uint8Array(Buffer.concat(chunks)));
  });
  socket.write(bytes.subarray(0, cut));
  socket.write(bytes.subarray(cut));
  if (end) socket.end();
  return promise;
}
