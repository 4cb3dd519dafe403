import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RuntimeName } from "../runtimes.ts";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const builders = ["buildah", "podman", "docker"] as const;
export type Builder = (typeof builders)[number];

/** The first program that can build images here; undefined if there is none. Docker needs its daemon. */
export function findBuilder(): Builder | undefined {
  return builders.find((each) => {
    const { status, error } = spawnSync(each, each === "docker" ? ["info"] : ["--version"], { stdio: "ignore" });
    return error === undefined && status === 0;
  });
}

type Build = { runtime: RuntimeName; tag: string; nodeImage?: string | undefined; denoImage?: string | undefined };

/** The arguments of a builder that make the image from the root of the repository. */
export function buildArguments(builder: Builder, { runtime, tag, nodeImage, denoImage }: Build): string[] {
  const file = runtime === "deno" ? "deploy/Containerfile.deno" : "deploy/Containerfile";
  const given = [["NODE_IMAGE", nodeImage], ["DENO_IMAGE", denoImage]].flatMap(([name, value]) =>
    value === undefined ? [] : ["--build-arg", `${name}=${value}`]
  );
  return [builder === "buildah" ? "bud" : "build", "-f", file, "-t", tag, ...given, "."];
}
