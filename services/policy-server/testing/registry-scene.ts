import { writeAtomically } from "../../../runtime/files.ts";
import type { Scratch } from "../../../runtime/testing/scratch.ts";
import { startTestRegistry, type TestRegistry } from "./registry.ts";
import { testSupply, type TestSupplyOptions } from "./supply.ts";

/** Registries in memory and the supplies that pull from them, for a file of tests. */
export function registryScene({ fresh, signal }: Scratch) {
  return {
    start: () => startTestRegistry({ signal }),

    /** A supply with a store of its own, to which the registry, having no TLS, is an insecure source. */
    supplyFor(registry: TestRegistry, o: Partial<TestSupplyOptions> = {}) {
      const { sources = {}, ...rest } = o;
      const insecureSources = new Set([registry.host, ...sources.insecureSources ?? []]);
      return testSupply({ folder: fresh(), signal, ...rest, sources: { ...sources, insecureSources } });
    },

    /** A Docker configuration in a folder of its own. */
    async dockerConfig(content: unknown): Promise<string> {
      const folder = fresh();
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await writeAtomically(`${folder}/config.json`, text);
      return folder;
    },
  };
}
