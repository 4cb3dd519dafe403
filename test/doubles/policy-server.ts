/**
 * Stands in for a policy server where only its life as a pod matters: reads the policies it is given, ends with a
 * termination message when a module's URL contains "broken", and else answers its readiness probe until SIGTERM.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

type Entry = { module?: string; policies?: Record<string, { module: string }> };
const { KUBEWARDEN_POLICIES = "", KUBEWARDEN_READINESS_PROBE_PORT = "0", KUBEWARDEN_BIND_ADDRESS } = process.env;
const policies = JSON.parse(readFileSync(KUBEWARDEN_POLICIES, "utf8")) as Record<string, Entry>;

const modules = Object.entries(policies).flatMap(([policy, { module, policies = {} }]) =>
  module === undefined
    ? Object.entries(policies).map(([member, each]) => ({ policy: `${policy}/${member}`, module: each.module }))
    : [{ policy, module }]
);
const failures = modules.filter(({ module }) => module.includes("broken")).map(({ policy, module }) => ({
  policy,
  code: "MODULE_FETCH_FAILED",
  message: `Cannot fetch module "${module}"`,
}));
if (failures.length > 0) {
  const path = process.env.TERMINATION_MESSAGE_PATH ?? "/dev/termination-log";
  writeFileSync(path, failures.map((each) => JSON.stringify(each)).join("\n"));
  process.exit(1);
}
const server = createServer((request, response) => {
  response.writeHead(request.url === "/readiness" ? 200 : 404).end();
});
server.listen(Number(KUBEWARDEN_READINESS_PROBE_PORT), KUBEWARDEN_BIND_ADDRESS);
process.on("SIGTERM", () => process.exit(0));
