import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../contracts/kubernetes.ts";

const examples = join(dirname(fileURLToPath(import.meta.url)), "../../examples");

export const policiesFolder = join(examples, "policies");

/** Where the manifests say their modules are. */
const placeholderHost = "127.0.0.1:8090";

/**
 * The objects of `examples/manifests/<name>.yaml`, their modules taken from a web server, `host:port`, or from a registry,
 * `registry://host:port`.
 */
export async function readManifest(name: string, modulesHost: string): Promise<KubeObject[]> {
  const text = await readFile(join(examples, "manifests", `${name}.yaml`), "utf8");
  return parseAllDocuments(withModulesOf(modulesHost, text)).map((each) => each.toJS() as KubeObject);
}

function withModulesOf(modulesHost: string, text: string): string {
  const [, registry] = /^registry:\/\/(.*)$/.exec(modulesHost) ?? [];
  if (registry === undefined) return text.replaceAll(placeholderHost, modulesHost);
  return text.replaceAll(new RegExp(`http://${placeholderHost}/(\\S+)\\.wasm`, "g"), `${modulesHost}/$1:v1`)
    .replaceAll(placeholderHost, registry);
}
