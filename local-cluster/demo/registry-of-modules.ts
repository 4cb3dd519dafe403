import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noSources } from "../../contracts/policy-config.ts";
import { silentLog } from "../../runtime/telemetry/log.ts";
import { parseImageReference } from "../../services/policy-server/modules/registry/image-reference.ts";
import { pushModule } from "../../services/policy-server/modules/registry/push.ts";
import { moduleSupply } from "../../services/policy-server/modules/supply.ts";
import { startDockerRegistry } from "../../test/docker-registry.ts";
import { policiesFolder } from "./manifests.ts";

/** The example policies that the story uses. */
const names = ["add-labels/policy", "privileged-pods/policy", "required-labels/policy"];

/** A real registry that has the example policies as `<name>:v1`; undefined where there is none on this machine. */
export async function registryOfModules(): Promise<{ host: string; stop(): Promise<void> } | undefined> {
  const registry = await startDockerRegistry();
  if (registry === undefined) return undefined;
  const stop = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), "pushing-"));
  try {
    const supply = await moduleSupply({
      sources: { ...noSources, insecureSources: new Set([registry.host]) },
      policiesDownloadDir: folder,
      log: silentLog,
      signal: stop.signal,
    });
    for (const name of names) {
      const module = new Uint8Array(await readFile(join(policiesFolder, `${name}.wasm`)));
      const image = parseImageReference(`${registry.host}/${name}:v1`);
      await pushModule({ image, module }, { registry: supply.registry, signal: stop.signal });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return { host: `registry://${registry.host}`, stop: () => registry.stop() };
}
