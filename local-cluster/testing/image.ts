/**
 * The image of the cluster's own tests: serves its environment and files over HTTP, and misbehaves on request.
 * Arguments: `--ready-file FILE` (ready while the file says "yes"), `--crash MESSAGE` (ends with code 3;
 * with `--log-only` without a termination message), `--deaf` (does not end on SIGTERM).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    "ready-file": { type: "string" },
    crash: { type: "string" },
    "log-only": { type: "boolean" },
    deaf: { type: "boolean" },
  },
});
if (values.crash !== undefined) {
  const messageFile = process.env.TERMINATION_MESSAGE_PATH ?? "/dev/termination-log";
  if (values["log-only"] !== true) writeFileSync(messageFile, values.crash);
  console.error(`Error: ${values.crash}`);
  process.exit(3);
}
process.on("SIGTERM", () => {
  console.log("SIGTERM");
  if (values.deaf !== true) process.exit(0);
});
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/ready") {
    const file = values["ready-file"];
    const ready = file === undefined || readFileSync(file, "utf8") === "yes";
    response.writeHead(ready ? 200 : 503).end();
  } else if (pathname === "/file") {
    try {
      response.end(readFileSync(process.env[searchParams.get("env") ?? ""] ?? "", "utf8"));
    } catch (error) {
      response.writeHead(404).end(String(error));
    }
  } else response.end(JSON.stringify({ pid: process.pid, env: process.env }));
});
server.listen(8080, process.env.KUBEWARDEN_BIND_ADDRESS, () => console.log("listening"));
