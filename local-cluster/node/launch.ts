import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Container, Pod } from "../workloads/pod.ts";
import { environmentFor, type ReadSource } from "./environment.ts";
import { expandVariables } from "./expand.ts";
import { type PathMount, translatePaths } from "./paths.ts";

/** A process to start, on this machine's paths. */
export type Launch = {
  command: string;
  args: string[];
  env: Record<string, string>;
  terminationMessageFile: string;
};

/** Why a container cannot start now, as its waiting reason. */
export type LaunchProblem = { reason: string; problem: string; retryMs: number };

const terminationLog = "/dev/termination-log";
const compileCache = fileURLToPath(new URL("../../.cache/node-compile", import.meta.url));

/**
 * Turns a container into a process: image to command, environment and arguments with `$(VAR)`, and every path inside
 * the container to the pod's own folder. What the node cannot do is a problem said in the container's status.
 */
export function launchFor(
  container: Container,
  host: {
    folder: string;
    volumes: ReadonlyMap<string, string>;
    extraEnv: Record<string, string>;
    read: ReadSource;
    entrypoint: (image: string) => { command: string; args: string[] } | undefined;
    pod(): Pod;
  },
): Launch | LaunchProblem {
  const entrypoint = host.entrypoint(container.image);
  if (!entrypoint) {
    const problem =
      `Failed to pull image "${container.image}": the local cluster runs only images named kubewarden-edge`;
    return { reason: "ErrImagePull", problem, retryMs: 1000 };
  }
  const refused = unimplemented(container);
  if (refused !== undefined) {
    const problem = `the local cluster does not implement ${refused}`;
    return { reason: "CreateContainerError", problem, retryMs: 10_000 };
  }
  const environment = environmentFor({ pod: host.pod(), container, read: host.read });
  if ("problem" in environment) {
    return { reason: "CreateContainerConfigError", problem: environment.problem, retryMs: 1000 };
  }
  const own = join(host.folder, "containers", container.name);
  const mounts: PathMount[] = [
    { inside: terminationLog, outside: join(own, "termination-log") },
    ...(container.volumeMounts ?? []).flatMap((mount): PathMount[] => {
      const outside = host.volumes.get(mount.name);
      return outside === undefined ? [] : [{ inside: mount.mountPath, outside }];
    }),
  ];
  const translated = (record: Record<string, string>) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, translatePaths(value, mounts)]));
  const messagePath = container.terminationMessagePath ?? terminationLog;
  const inMount = translatePaths(messagePath, mounts);
  return {
    command: entrypoint.command,
    args: [
      ...entrypoint.args.map((each) => translatePaths(each, mounts)),
      ...(container.args ?? []).map((each) => translatePaths(expandVariables(each, environment.env), mounts)),
    ],
    env: {
      ...imageEnvironment(own),
      TERMINATION_MESSAGE_PATH: join(own, "termination-log"),
      ...host.extraEnv,
      ...translated(environment.env),
    },
    // A message path outside every mount is a file nobody can write: its message stays empty, as on a real node.
    terminationMessageFile: inMount === messagePath ? join(own, "nothing") : inMount,
  };
}

/** What an image brings along: enough for a runtime to start and to keep what it compiled, which takes seconds. */
function imageEnvironment(own: string): Record<string, string> {
  const { PATH = "", HOME = own, DENO_DIR = join(HOME, ".cache", "deno"), LANG = "C.UTF-8" } = process.env;
  return {
    PATH,
    LANG,
    HOME: own,
    DENO_DIR,
    DENO_NO_UPDATE_CHECK: "1",
    NODE_COMPILE_CACHE: compileCache,
    NO_COLOR: "1",
  };
}

function unimplemented(container: Container): string | undefined {
  if (container.command !== undefined && container.command.length > 0) return "a container's command";
  if (container.lifecycle !== undefined) return "lifecycle hooks";
  if (container.volumeMounts?.some((each) => each.subPath !== undefined)) return "volumeMounts with subPath";
  const probes = [container.readinessProbe, container.livenessProbe, container.startupProbe];
  return probes.some((each) => each !== undefined && each.httpGet === undefined)
    ? "probes other than httpGet"
    : undefined;
}
