import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export type ForwardProxy = {
  readonly url: string;
  /** `CONNECT host:port` and `GET http://host/…`, in their order. */
  readonly log: string[];
  /** What was sent to the proxy about who asks. */
  readonly authorizations: (string | undefined)[];
  close(): void;
};

/** A forward proxy on loopback. `routes` leads names that are not to be looked up, `host:port`, to where they are here. */
export async function startForwardProxy(
  { routes = {}, refuse }: { routes?: Record<string, string>; refuse?: number } = {},
): Promise<ForwardProxy> {
  const log: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const remember = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const note = ({ method, url, headers }: IncomingMessage) => {
    log.push(`${method} ${url}`);
    authorizations.push(headers["proxy-authorization"]);
  };
  const server = createServer((incoming, outgoing) => {
    note(incoming);
    if (refuse !== undefined) return void outgoing.writeHead(refuse).end();
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const target = new URL(incoming.url ?? "");
    const { hostname, port } = new URL(`http://${routes[target.host] ?? target.host}`);
    const path = `${target.pathname}${target.search}`;
    const forwarded = httpRequest({ hostname, port, path, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.writeHead(502).end());
    incoming.pipe(forwarded);
  });
  server.on("connection", remember);
  server.on("connect", (incoming, socket: Socket) => {
    note(incoming);
    if (refuse !== undefined) return void socket.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
    const target = new URL(`http://${routes[incoming.url ?? ""] ?? incoming.url}`);
    const onward = connect({ host: target.hostname, port: Number(target.port) }, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    remember(onward);
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    authorizations,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
