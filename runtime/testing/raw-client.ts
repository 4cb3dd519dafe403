import { connect } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

export type RawOptions = {
  /** Ends its own side after the bytes. */
  end?: boolean;
  /** Over TLS, with whatever certificate the server has. */
  tls?: ConnectionOptions;
  /** Once this has come, the client leaves. */
  until?: RegExp;
};

/** Sends bytes and collects what comes until the server closes (or `until` has come); never throws. */
export function raw(port: number, bytes: string | Uint8Array, options: RawOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const address = { port, host: "127.0.0.1" };
    const ready = () => options.end ? socket.end(bytes) : socket.write(bytes);
    const socket = options.tls
      ? connectTls({ ...address, rejectUnauthorized: false, ...options.tls }, ready)
      : connect(address, ready);
    socket.on("data", (chunk: Uint8Array) => {
      got += new TextDecoder().decode(chunk);
      if (options.until?.test(got)) socket.destroy();
    });
    socket.on("error", () => resolve(got));
    socket.on("close", () => resolve(got));
  });
}
