/**
 * `npm run bench -- startup`: how long a policy-server takes to be ready with 30 policies of a registry on loopback, and
 * how much memory at most, beside curl fetching the same blobs. Figures are ratios of one run: absolute ones do not travel.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { noSources } from "../../contracts/policy-config.ts";
import { silentLog } from "../../runtime/telemetry/log.ts";
import { parseImageReference } from "../../services/policy-server/modules/registry/image-reference.ts";
import { parseManifest } from "../../services/policy-server/modules/registry/manifest.ts";
import { pushModule } from "../../services/policy-server/modules/registry/push.ts";
import { moduleSupply } from "../../services/policy-server/modules/supply.ts";
import { exampleUrl } from "../../services/policy-server/testing/guests.ts";
import { noDockerRegistry, startDockerRegistry } from "../../test/docker-registry.ts";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";
import { type Measured, measureRun } from "./measure-run.ts";
import { padded } from "./padded.ts";

const policies = 30;
/** About what a policy in Rust has; the code of all is that of one example. */
const moduleBytes = 2 * 1024 * 1024;

/** Measures curl, a server without policies, and one with a cold and with a warm store; prints each beside curl. */
export async function benchStartup({ runtime }: { runtime: RuntimeName }): Promise<void> {
  const registry = await startDockerRegistry();
  if (registry === undefined) return console.log(`startup: not measured, ${noDockerRegistry}`);
  const folder = await mkdtemp(join(tmpdir(), "bench-startup-"));
  try {
    const { images, blobs } = await fill(registry.host, folder);
    await writeFile(join(folder, "sources.yml"), JSON.stringify({ insecure_sources: [registry.host] }));
    await writeFile(join(folder, "none.yml"), "{}");
    const entries = images.map((module, index) => [`policy-${index}`, { module }]);
    await writeFile(join(folder, "policies.yml"), JSON.stringify(Object.fromEntries(entries)));
    const start = (policiesFile: string, downloads: string) =>
      startServer(runtime, { folder, policiesFile, downloads });

    const curl = await measureRun(["curl", "-sS", ...blobs.flatMap((url) => ["-o", "/dev/null", url])], {});
    const mebibytes = (policies * moduleBytes / 1024 / 1024).toFixed(0);
    console.log(
      `\n${runtime}: ready with ${policies} policies (${mebibytes} MiB) of a registry, beside curl of the same blobs`,
    );
    print("curl", curl, curl);
    print("server without policies", await start("none.yml", "unused"), curl);
    print("cold store", await start("policies.yml", "store"), curl);
    print("warm store", await start("policies.yml", "store"), curl);
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true });
  }
}

/** Pushes distinct modules; gives their references and the URLs of their layers. */
async function fill(host: string, folder: string): Promise<{ images: string[]; blobs: string[] }> {
  const { signal } = new AbortController();
  const sources = { ...noSources, insecureSources: new Set([host]) };
  const supply = await moduleSupply({ sources, policiesDownloadDir: join(folder, "pushing"), log: silentLog, signal });
  const example = new Uint8Array(await readFile(fileURLToPath(exampleUrl("privileged-pods/policy"))));
  const images: string[] = [], blobs: string[] = [];
  for (let index = 0; index < policies; index++) {
    const image = parseImageReference(`${host}/policies/policy-${index}:v1`);
    await pushModule({ image, module: padded(example, { bytes: moduleBytes, seed: index + 1 }) }, {
      registry: supply.registry,
      signal,
    });
    const manifest = await supply.reader.manifest(image);
    const parsed = manifest && parseManifest(manifest);
    if (parsed?.kind !== "manifest") throw new Error("what was pushed is not there");
    images.push(`registry://${host}/policies/policy-${index}:v1`);
    blobs.push(`http://${host}/v2/policies/policy-${index}/blobs/${parsed.layers[0]?.digest}`);
  }
  return { images, blobs };
}

function startServer(
  runtime: RuntimeName,
  { folder, policiesFile, downloads }: { folder: string; policiesFile: string; downloads: string },
): Promise<Measured> {
  const { command, args } = runtimeCommand(runtime);
  const entrypoint = fileURLToPath(new URL("../../services/entrypoint.ts", import.meta.url));
  return measureRun([command, ...args, entrypoint, "policy-server"], {
    until: '"message":"Ready"',
    env: {
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_SHUTDOWN_DELAY: "0",
      KUBEWARDEN_WORKERS: "2",
      KUBEWARDEN_POLICIES: join(folder, policiesFile),
      KUBEWARDEN_SOURCES_PATH: join(folder, "sources.yml"),
      KUBEWARDEN_POLICIES_DOWNLOAD_DIR: join(folder, downloads),
      KUBEWARDEN_LOG_FMT: "json",
    },
  });
}

function print(what: string, { ms, peakMiB }: Measured, base: Measured): void {
  const time = `${(ms / 1000).toFixed(2)} s (${(ms / base.ms).toFixed(1)} x)`;
  console.log(
    `  ${what.padEnd(24)} ${time}, at most ${peakMiB.toFixed(0)} MiB (${(peakMiB / base.peakMiB).toFixed(1)} x)`,
  );
}
