import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";

/** Extra images of a test: repository or full image name to the script that a container of it runs. */
export type ImageTable = Readonly<Record<string, { file: string }>>;

const containerfile = fileURLToPath(new URL("../../deploy/Containerfile.deno", import.meta.url));
const entrypoint = fileURLToPath(new URL("../../services/entrypoint.ts", import.meta.url));

/** The command of an image's entrypoint, or undefined for a foreign image, which stays `ErrImagePull`. */
export function entrypointFor(
  image: string,
  { runtime, images }: { runtime: RuntimeName; images: ImageTable },
): { command: string; args: string[] } | undefined {
  const repository = image.replace(/@sha256:[0-9a-f]+$/, "").replace(/:[^:/]+$/, "");
  const file = images[image]?.file ?? images[repository]?.file;
  const { command, args } = runtimeCommand(runtime);
  if (file !== undefined) return { command, args: [...args, file] };
  if (!/(^|\/)kubewarden-edge$/.test(repository)) return undefined;
  return { command, args: runtime === "deno" ? [...denoImageArguments(), entrypoint] : [...args, entrypoint] };
}

/** What the image for Deno is started with, so that its permissions are those that are tried here. */
function denoImageArguments(): string[] {
  const [, list] = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(containerfile, "utf8")) ?? [];
  if (list === undefined) throw new Error(`${containerfile} has no ENTRYPOINT`);
  const [, ...flags] = JSON.parse(list) as string[];
  // The image was filled when it was built; here the first start fills the cache.
  return flags.slice(0, -1).filter((each) => each !== "--cached-only").concat("--quiet");
}
