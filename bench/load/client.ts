/**
 * The load: a process of its own that sends one body over kept-alive TLS connections as fast as answers come back.
 * Reads a job from its parent, sends back what it saw. Raw sockets, so that the client costs little beside the server.
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

export type LoadJob = {
  port: number;
  ca: string;
  path: string;
  body: string;
  connections: number;
  seconds: number;
  /** What every answer must contain; one that does not counts as wrong. */
  expect: string;
};
export type LoadResult = { requestsPerSecond: number; p50Ms: number; p99Ms: number; requests: number; wrong: number };

process.on("message", (job: LoadJob) => {
  run(job).then((result) => process.send?.(result), (error) => {
    console.error(error);
    process.exit(1);
  });
});

async function run(job: LoadJob): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: job.connections }, () => open(job)));
  const message = Buffer.from(
    `POST ${job.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(job.body)}\r\n\r\n${job.body}`,
  );
  const latencies: number[] = [];
  let wrong = 0;
  // The first part warms up and is not counted.
  const started = performance.now(), counted = started + job.seconds * 250, end = started + job.seconds * 1000;
  await Promise.all(sockets.map((socket) => keepAsking(socket)));
  sockets.forEach((each) => each.destroy());
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  return {
    requestsPerSecond: latencies.length / ((end - counted) / 1000),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    requests: latencies.length,
    wrong,
  };

  function keepAsking(socket: TLSSocket): Promise<void> {
    return new Promise((resolve, reject) => {
      let received = "", sent = performance.now();
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the server closed a connection")));
      socket.on("data", (chunk: string) => {
        received += chunk;
        if (!isWhole(received)) return;
        const now = performance.now();
        if (!received.startsWith("HTTP/1.1 200") || !received.includes(job.expect)) wrong++;
        if (now > counted) latencies.push(now - sent);
        received = "";
        if (now >= end) {
          socket.removeAllListeners("close");
          return resolve();
        }
        sent = now;
        socket.write(message);
      });
      socket.write(message);
    });
  }
}

/** Whether an answer has arrived to its end, by its length or by its last chunk. Answers are ASCII: characters are bytes. */
function isWhole(received: string): boolean {
  const head = received.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /content-length: *(\d+)/i.exec(received)?.[1];
  return length === undefined ? received.endsWith("\r\n0\r\n\r\n") : received.length >= head + 4 + Number(length);
}

async function open({ port, ca }: LoadJob): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: [ca] });
  socket.setEncoding("latin1").setNoDelay(true);
  await once(socket, "secureConnect");
  return socket;
}
