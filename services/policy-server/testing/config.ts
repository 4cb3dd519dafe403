import { parseCli } from "../../../runtime/cli/cli.ts";
import { type Config, configOf } from "../config.ts";
import { flags } from "../flags.ts";

/** What these flags make of a server on free ports of loopback that has one worker and stops at once. */
export function configFor(...argv: string[]): Config {
  const loopback = ["--addr", "127.0.0.1", "--port", "0", "--readiness-probe-port", "0", "--shutdown-delay", "0"];
  const spec = { name: "policy-server", description: "", flags };
  const values = parseCli(spec, [...loopback, "--workers", "1", ...argv], {});
  if (values === undefined) throw new Error(`no server with ${argv.join(" ")}`);
  return configOf(values);
}
