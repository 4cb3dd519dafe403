import { fileURLToPath } from "node:url";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";

/** Extra images of a test: repository or full image name to the script that a container of it runs. */
export type ImageTable = Readonly<Record<string, { file: string }>>;

const entrypoint = fileURLToPath(new URL("../../services/entrypoint.ts", import.meta.url));

/** The command of an image's entrypoint, or undefined for a foreign image, which stays `ErrImagePull`. */
export function entrypointFor(
  image: string,
  { runtime, images }: { runtime: RuntimeName; images: ImageTable },
): { command: string; args: string[] } | undefined {
  const repository = image.replace(/@sha256:[0-9a-f]+$/, "").replace(/:[^:/]+$/, "");
  const file = images[image]?.file ?? images[repository]?.file ??
    (/(^|\/)kubewarden-edge$/.test(repository) ? entrypoint : undefined);
  if (file === undefined) return undefined;
  const { command, args } = runtimeCommand(runtime);
  return { command, args: [...args, file] };
}
