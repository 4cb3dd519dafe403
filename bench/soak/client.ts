/**
 * The load of the soak: asks over kept-alive connections, each request with a uid of its own, and counts as lost whatever
 * is not a 200 with an AdmissionReview of that uid and the right verdict. Every so often a connection is made anew, so that
 * handshakes meet new certificates, too.
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

export type SoakJob = {
  port: number;
  /** Trusted together: the server changes from one to the next and back. */
  cas: string[];
  connections: number;
  seconds: number;
  requestsPerConnection: number;
  questions: { path: string; body: string; expect: string }[];
};
export type SoakResult = { answered: number; handshakes: number; lost: string[] };

const uidMark = "705ab4f5-6393-4e8e-b7cc-42892a4f0e3d";

process.on("message", (job: SoakJob) => {
  soak(job).then((result) => process.send?.(result), (error) => {
    console.error(error);
    process.exit(1);
  });
});

async function soak(job: SoakJob): Promise<SoakResult> {
  const end = performance.now() + job.seconds * 1000;
  const result: SoakResult = { answered: 0, handshakes: 0, lost: [] };
  await Promise.all(Array.from({ length: job.connections }, async (_, index) => {
    for (let asked = index; performance.now() < end;) {
      const socket = await open(job).catch((error: Error) => void result.lost.push(`handshake: ${error.message}`));
      if (!socket) continue;
      result.handshakes++;
      for (let left = job.requestsPerConnection; left > 0 && performance.now() < end && !socket.destroyed; left--) {
        const question = job.questions[asked++ % job.questions.length];
        if (question) await ask(socket, question, result);
      }
      socket.destroy();
    }
  }));
  return result;
}

async function ask(socket: TLSSocket, { path, body, expect }: SoakJob["questions"][number], result: SoakResult) {
  const uid = crypto.randomUUID();
  const text = body.replace(uidMark, uid);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  const answer = await answerOn(socket);
  const right = answer.startsWith("HTTP/1.1 200 ") && answer.includes(`"uid":"${uid}"`) && answer.includes(expect);
  if (right) result.answered++;
  else {result.lost.push(
      `${path}: ${answer.slice(0, 40).split("\r\n")[0]} ${answer.slice(answer.indexOf("{")).slice(0, 300)}`,
    );}
}

/** The next whole answer, or what there was of it when the connection ended. */
function answerOn(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const done = () => {
      socket.off("data", heard).off("close", done);
      resolve(received);
    };
    const heard = (chunk: string) => {
      received += chunk;
      const head = received.indexOf("\r\n\r\n");
      const length = Number(/content-length: *(\d+)/i.exec(received)?.[1] ?? NaN);
      const whole = Number.isNaN(length) ? received.endsWith("\r\n0\r\n\r\n") : received.length >= head + 4 + length;
      if (head >= 0 && whole) done();
    };
    socket.on("data", heard).on("close", done);
  });
}

async function open({ port, cas }: SoakJob): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: cas });
  socket.setEncoding("latin1").setNoDelay(true);
  await once(socket, "secureConnect");
  // An end of the connection shows as an answer that is not whole.
  socket.on("error", () => {});
  return socket;
}
