import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

/** Serves the `.wasm` files below a folder over plain HTTP on loopback. */
export async function serveModules(folder: string): Promise<{ host: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    if (!path.endsWith(".wasm") || path.includes("..")) return void response.writeHead(404).end();
    readFile(join(folder, path)).then(
      (bytes) => response.writeHead(200, { "Content-Type": "application/wasm" }).end(bytes),
      (error: NodeJS.ErrnoException) => response.writeHead(error.code === "ENOENT" ? 404 : 500).end(error.message),
    );
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
}
