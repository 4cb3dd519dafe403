import { connect, type ConnectionOptions } from "node:tls";

// A program that asks once over a TLS connection of its own, told by its argument: `{port, session, ...}`, the session
// in base64. It prints the answer's body, whether the session was resumed, and the session for next time. A program,
// since Deno as a client resumes sessions only as it likes.
const { session: given, ...options } = JSON.parse(process.argv[2] ?? "{}") as
  & Omit<ConnectionOptions, "session">
  & { session?: string };
let answer = "", reused = false, session = given;
const socket = connect({
  host: "127.0.0.1",
  rejectUnauthorized: false,
  ...options,
  ...(given === undefined ? {} : { session: Buffer.from(given, "base64") }),
}, () => {
  reused = socket.isSessionReused();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
});
socket.on("session", (next) => session = next.toString("base64"));
socket.on("data", (chunk) => answer += chunk);
socket.on("error", () => {});
socket.on("close", () => console.log(JSON.stringify({ answer: answer.split("\r\n\r\n")[1] ?? "", reused, session })));
