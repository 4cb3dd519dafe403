/**
 * Builds the image of all services with what is installed: buildah, podman or docker.
 *
 *   npm run image -- --tag registry.example.com/kubewarden-edge:0.1.0 [--runtime node|deno] [--builder NAME]
 *     [--node-image IMAGE] [--deno-image IMAGE]      base images, where the usual ones cannot be pulled
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { buildArguments, builders, findBuilder, root } from "./image/builder.ts";

const { values } = parseArgs({
  options: {
    tag: { type: "string" },
    runtime: { type: "string", default: "node" },
    builder: { type: "string" },
    "node-image": { type: "string" },
    "deno-image": { type: "string" },
  },
});
const { tag, runtime } = values;
const builder = values.builder === undefined ? findBuilder() : builders.find((each) => each === values.builder);
if (tag === undefined || (runtime !== "node" && runtime !== "deno")) {
  fail("--tag IMAGE is needed, and --runtime is node or deno", 2);
} else if (builder === undefined) {
  fail(
    `none of ${builders.join(", ")} works here${values.builder ? `, or --builder "${values.builder}" is none` : ""}`,
    1,
  );
} else {
  const images = { nodeImage: values["node-image"], denoImage: values["deno-image"] };
  const args = buildArguments(builder, { runtime, tag, ...images });
  console.log([builder, ...args].join(" "));
  process.exitCode = spawnSync(builder, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

function fail(message: string, code: number): void {
  console.error(message);
  process.exitCode = code;
}
