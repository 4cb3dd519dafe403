/**
 * The import rules of docs/architecture.md, checked: who may import whom, what a `// pure` file may name, one door per
 * heavy package, and no cycles. Prints each breach as `file: reason` and exits 1 if there is any.
 */
import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceFiles } from "./source-files.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

type Source = { file: string; text: string; pure: boolean; imports: string[] };

/** Files that may import a heavy package; tests, tools, bench and local-cluster may import anything. */
const doors: Record<string, RegExp> = {
  "@kubernetes/client-node": /^runtime\/kube\/config\.ts$/,
  "@peculiar/x509": /^services\/certs\/x509\.ts$|^services\/policy-server\/host\/read-certificate\.ts$/,
  "reflect-metadata": /^services\/certs\/x509\.ts$|^services\/policy-server\/host\/read-certificate\.ts$/,
  "@wapc/host": /^services\/policy-server\/guest\/wapc-guest\.ts$/,
  "@bjorn3/browser_wasi_shim": /^services\/policy-server\/guest\/wasi\.ts$/,
  "re2js": /^services\/policy-server\/guest\/builtins\/regex\.ts$/,
  "semver": /^services\/policy-server\/guest\/builtins\/semver\.ts$/,
  "@opentelemetry": /^runtime\/telemetry\/(metrics|process-metrics|tracing|otlp[\w-]*)\.ts$/,
  "pprof-format": /^runtime\/telemetry\/pprof\.ts$/,
  "@sigstore": /^services\/policy-server\/modules\/verify\/sigstore\//,
  "commander": /^runtime\/cli\/cli\.ts$/,
};
const unrestricted = /^(tools|test|bench|local-cluster)\/|\.test\.ts$|^services\/entrypoint\.ts$/;
const impure =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bcrypto\.(subtle|randomUUID|getRandomValues)\b|\bprocess\.|\bDeno\.|\bfetch\(|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\b|\bconsole\./;

const sources = await readSources();
const breaches = [...sources.values()].flatMap((source) => [...ruleBreaches(source)]).concat(cycles());
for (const breach of breaches) console.error(breach);
console.log(`${sources.size} files, ${breaches.length} breaches of the import rules`);
process.exit(breaches.length === 0 ? 0 : 1);

async function readSources(): Promise<Map<string, Source>> {
  const files = await sourceFiles(root);
  const read = files.map(async (file): Promise<[string, Source]> => {
    const text = await readFile(join(root, file), "utf8");
    const specifiers = [
      ...text.matchAll(
        /^\s*(?:import|export)\b[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
      ),
    ]
      .map((match) => match[1] ?? match[2] ?? match[3] ?? "");
    const imports = specifiers.map((each) =>
      each.startsWith(".") ? relative(root, join(root, dirname(file), each)) : each
    );
    return [file, { file, text, pure: /^\/\/ pure\r?\n/.test(text), imports }];
  });
  return new Map(await Promise.all(read));
}

function* ruleBreaches({ file, text, pure, imports }: Source): Iterable<string> {
  const isTest = file.endsWith(".test.ts");
  if (/^export default\b/m.test(text)) yield `${file}: default export`;
  if (file.startsWith("contracts/") && !pure && !isTest) {
    yield `${file}: everything under contracts/ must start with "// pure"`;
  }
  if (/\/plan\.ts$/.test(file) && !pure) yield `${file}: a plan must start with "// pure"`;
  if (pure && impure.test(text)) yield `${file}: pure, but names "${impure.exec(text)?.[0]}"`;
  for (const target of imports) {
    const local = sources.get(target);
    if (pure && local && !local.pure) yield `${file}: pure, but imports ${target} which is not`;
    if (pure && !local && target !== "zod") yield `${file}: pure, but imports ${target}`;
    if (/(^|\/)main\.ts$/.test(target) && !unrestricted.test(file)) {
      yield `${file}: imports ${target}; nobody imports main.ts`;
    }
    if (unrestricted.test(file)) continue;
    if (/^(tools|test|bench|local-cluster)\//.test(target)) yield `${file}: imports ${target}`;
    if (file.startsWith("contracts/") && !/^contracts\/|^zod$/.test(target)) {
      yield `${file}: contracts imports ${target}`;
    }
    if (file.startsWith("runtime/") && target.startsWith("services/")) yield `${file}: runtime imports ${target}`;
    const service = /^services\/([^/]+)\//.exec(file)?.[1];
    const other = /^services\/([^/]+)\//.exec(target)?.[1];
    if (service && other && service !== other) yield `${file}: imports ${target}; services meet only in the cluster`;
    if (service && target.startsWith("node:")) yield `${file}: imports ${target}; only runtime/ may`;
    const door = Object.entries(doors).find(([name]) => target === name || target.startsWith(`${name}/`));
    if (door && !door[1].test(file)) yield `${file}: imports ${target}, whose door is ${door[1].source}`;
  }
}

function cycles(): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      return void found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    }
    state.set(file, "open");
    for (const next of sources.get(file)?.imports ?? []) if (sources.has(next)) visit(next, [...path, file]);
    state.set(file, "done");
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}
