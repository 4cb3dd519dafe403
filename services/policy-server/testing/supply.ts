import { noSources, type SourcesFile } from "../../../contracts/policy-config.ts";
import { createLog } from "../../../runtime/telemetry/log.ts";
import type { VerifyImage } from "../modules/fetch.ts";
import { downloadLimits } from "../modules/sources/limits.ts";
import { type ModuleSupply, moduleSupply, type SupplyOptions } from "../modules/supply.ts";

export type TestSupply = ModuleSupply & {
  /** Lines of the log so far. */
  readonly lines: string[];
  /** `<bytes> bytes of <from>`, or `CODE: message`. */
  outcome(url: string, verify?: VerifyImage): Promise<string>;
};

export type TestSupplyOptions = Partial<Omit<SupplyOptions, "sources">> & {
  folder: string;
  sources?: Partial<SourcesFile>;
  signal: AbortSignal;
};

/** A supply as the server has it, but quick to try again. */
export async function testSupply({ folder, sources = {}, ...options }: TestSupplyOptions): Promise<TestSupply> {
  const lines: string[] = [];
  const supply = await moduleSupply({
    policiesDownloadDir: folder,
    limits: { ...downloadLimits, minDelayMs: 1, maxDelayMs: 5, attempts: 3 },
    log: createLog({ write: (line) => lines.push(line) }),
    ...options,
    sources: { ...noSources, ...sources },
  });
  return {
    ...supply,
    lines,
    async outcome(url, verify) {
      try {
        const { bytes, from } = await supply.fetch(url, { verify });
        return `${bytes.length} bytes of ${from}`;
      } catch (error) {
        return `${(error as { code?: string }).code}: ${(error as Error).message}`;
      }
    },
  };
}

/** The shortest module there is, and a longer one of any size. */
export const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
export function longWasm(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = at * 31 % 251;
  bytes.set(wasm);
  return bytes;
}
