import asc from "assemblyscript/asc";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import wabt from "wabt";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = "examples/policies";

/** The example policies, compiled from source and annotated: `path from the root -> wasm bytes`, always the same bytes. */
export async function guestFiles(): Promise<Record<string, Uint8Array>> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
  const files: Record<string, Uint8Array> = {};
  for (const name of names) {
    const sources = await readdir(join(root, folder, name));
    if (!sources.includes("metadata.json")) continue;
    const metadata = JSON.stringify(JSON.parse(await readFile(join(root, folder, name, "metadata.json"), "utf8")));
    if (sources.includes("policy.ts")) {
      files[`${folder}/${name}/policy.wasm`] = annotate(
        await compileAssemblyScript(`${folder}/${name}/policy.ts`),
        metadata,
      );
    }
    for (const wat of sources.filter((each) => each.endsWith(".wat") && each !== "prelude.wat")) {
      files[`${folder}/${name}/${wat.replace(/\.wat$/, ".wasm")}`] = annotate(await compileWat(name, wat), metadata);
    }
  }
  return files;
}

async function compileAssemblyScript(path: string): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [path, "--outFile", "policy.wasm", "-Oz", "--runtime", "stub", "--use", `abort=${folder}/sdk/guest/abort`],
    {
      readFile: (name, base) => readFile(join(root, base, name), "utf8").catch(() => null),
      writeFile: (_name, contents) => void (wasm = contents as Uint8Array),
      listFiles: () => [],
    },
  );
  if (error || !wasm) throw new Error(`Cannot compile ${path}: ${stderr.toString()}`, { cause: error });
  return wasm;
}

async function compileWat(name: string, wat: string): Promise<Uint8Array> {
  const [prelude, body] = await Promise.all(
    ["prelude.wat", wat].map((file) => readFile(join(root, folder, name, file), "utf8")),
  );
  const module = (await wabt()).parseWat(wat, `(module ${prelude} ${body})`, { bulk_memory: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Appends the custom section `io.kubewarden.metadata` (reference/policy-server.md 3.6). */
export function annotate(wasm: Uint8Array, metadata: string): Uint8Array {
  const text = new TextEncoder();
  const name = text.encode("io.kubewarden.metadata");
  const json = text.encode(metadata);
  const content = [...leb128(name.length), ...name, ...json];
  return Uint8Array.from([...wasm, 0, ...leb128(content.length), ...content]);
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...leb128(Math.floor(value / 128))];
}
