import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../runtime/testing/free-port.ts";
import { endProcess } from "./end-process.ts";

export type DockerRegistry = {
  /** `localhost:port`. */
  readonly host: string;
  readonly pid: number;
  stop(): Promise<void>;
};

export type DockerRegistryOptions = {
  tls?: { certificate: string; privateKey: string };
  /** Lines of an htpasswd file. */
  htpasswd?: string;
  /** Where tokens are given out, and the certificates of who signs them. */
  token?: { realm: string; service: string; issuer: string; certificates: string };
};

/** What tests say where Debian's `docker-registry` is not installed. */
export const noDockerRegistry = "docker-registry is not on this machine: apt-get install docker-registry";

/** Starts a real registry, with its content in a folder of its own; undefined where there is none to start. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "docker-registry-"));
  // A registry does not say which one it took.
  const port = await freePort();
  await writeFile(join(folder, "config.yml"), JSON.stringify(await configFor(folder, { port, ...options })));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, HOME: folder, OTEL_TRACES_EXPORTER: "none" },
  });
  const stop = async () => {
    await endProcess(child);
    await rm(folder, { recursive: true });
  };
  try {
    if (!await listens(child)) {
      await stop();
      return undefined;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: `localhost:${port}`, pid: child.pid ?? 0, stop };
}

async function configFor(folder: string, { port, tls, htpasswd, token }: DockerRegistryOptions & { port: number }) {
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  return {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(folder, "content") } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(tls && {
        tls: { certificate: await file("tls.crt", tls.certificate), key: await file("tls.key", tls.privateKey) },
      }),
    },
    ...(htpasswd && { auth: { htpasswd: { realm: "test", path: await file("htpasswd", htpasswd) } } }),
    ...(token && {
      auth: {
        token: {
          realm: token.realm,
          service: token.service,
          issuer: token.issuer,
          rootcertbundle: await file("tokens.crt", token.certificates),
        },
      },
    }),
  };
}

/** Resolves once it says so; false if there is no such program. */
function listens(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.on("error", (error) => (error as NodeJS.ErrnoException).code === "ENOENT" ? resolve(false) : reject(error));
    child.on("close", (code) => reject(new Error(`docker-registry ended with ${code}: ${said}`)));
    createInterface({ input: child.stderr! }).on("line", (line) => {
      said += `${line}\n`;
      if (line.includes("listening on")) resolve(true);
    });
  });
}
