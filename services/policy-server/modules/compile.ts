import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { meterModule } from "../guest/metering.ts";
import { isOffered } from "../policies/execution-mode.ts";
import { assertRunnable, metadataOf, type PolicyMetadata } from "../policies/metadata.ts";

export type CompileOptions = {
  serverVersion: string;
  /** Bound of an instance's memory, in pages of 64 KiB; default 128 MiB. */
  maxMemoryPages?: number;
};

export type CompiledModule = { module: WebAssembly.Module; metadata: PolicyMetadata };

/**
 * Makes a module ready to run in a sandbox: checked, interruptible, bounded in memory, compiled. Throws MODULE_INVALID,
 * MODULE_INCOMPATIBLE or MODULE_UNSUPPORTED.
 */
export async function compileModule(
  bytes: Uint8Array<ArrayBuffer>,
  { serverVersion, maxMemoryPages = 2048 }: CompileOptions,
): Promise<CompiledModule> {
  const original = await compiled(bytes);
  const metadata = assertRunnable(metadataOf(original), serverVersion);
  const foreign = WebAssembly.Module.imports(original).find((each) => !isOffered(metadata.executionMode, each));
  if (foreign !== undefined) {
    throw new KubewardenError("MODULE_INVALID", `unknown import: \`${foreign.module}::${foreign.name}\``);
  }
  return { module: await compiled(meterModule(bytes, { maxMemoryPages }) as Uint8Array<ArrayBuffer>), metadata };
}

async function compiled(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new KubewardenError("MODULE_INVALID", `cannot compile wasm module: ${messageOf(error)}`, { cause: error });
  }
}
