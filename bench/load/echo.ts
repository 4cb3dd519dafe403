/** What the runtime can do at most here: a bare HTTPS server that reads a body and answers a few hundred bytes. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

const [certFile = "", keyFile = ""] = process.argv.slice(2);
const answer = JSON.stringify({
  kind: "AdmissionReview",
  apiVersion: "admission.k8s.io/v1",
  response: { uid: "705ab4f5-6393-4e8e-b7cc-42892a4f0e3d", allowed: true, auditAnnotations: null, warnings: null },
});
const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
  request.on("data", () => {});
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${(server.address() as AddressInfo).port}`));
