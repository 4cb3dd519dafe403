import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { currentRuntime, runtimeCommand, type RuntimeName } from "../tools/runtimes.ts";
import { endProcess } from "./end-process.ts";

/** A policy-server as it runs in a pod, under its documented flags and environment only. */
export type PolicyServerProcess = {
  pid: number;
  url: string;
  readinessUrl: string;
  /** Lines of its JSON log so far. */
  log: Record<string, unknown>[];
  /** Ends it and removes its files. */
  stop(): Promise<void>;
};

export type StartOptions = {
  env?: Record<string, string>;
  /** The text of policies.yml, or what becomes it. */
  policies: unknown;
  /** Default: that of this process. */
  runtime?: RuntimeName;
};

/** Starts a server with two workers and a limit of two seconds, as upstream's acceptance tests do. */
export async function startPolicyServerProcess(
  { policies, env = {}, runtime = currentRuntime }: StartOptions,
): Promise<PolicyServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "policy-server-"));
  const policiesFile = join(folder, "policies.yml");
  await writeFile(policiesFile, typeof policies === "string" ? policies : JSON.stringify(policies));
  const { command, args } = runtimeCommand(runtime);
  const entrypoint = fileURLToPath(new URL("../services/entrypoint.ts", import.meta.url));
  const child = spawn(command, [...args, entrypoint, "policy-server"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_LOG_FMT: "json",
      KUBEWARDEN_POLICIES: policiesFile,
      KUBEWARDEN_POLICIES_DOWNLOAD_DIR: join(folder, "modules"),
      KUBEWARDEN_WORKERS: "2",
      KUBEWARDEN_POLICY_TIMEOUT: "2",
      KUBEWARDEN_SHUTDOWN_DELAY: "0",
      TERMINATION_MESSAGE_PATH: join(folder, "termination"),
      ...env,
    },
  });
  const log: Record<string, unknown>[] = [];
  const stop = async () => {
    await endProcess(child);
    await rm(folder, { recursive: true });
  };
  try {
    const { url, readiness } = await readyEvent(child, log);
    return { pid: child.pid ?? 0, url, readinessUrl: readiness, log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readyEvent(child: ChildProcess, log: Record<string, unknown>[]) {
  const { promise, resolve, reject } = Promise.withResolvers<{ url: string; readiness: string }>();
  let stderr = "";
  child.stderr?.on("data", (chunk) => stderr += chunk);
  createInterface({ input: child.stdout! }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const event = JSON.parse(line);
    log.push(event);
    if (event.message === "Ready") resolve(event);
  });
  child.on("error", reject);
  child.on("close", (code) => reject(new Error(`the policy-server ended with ${code}: ${stderr}`)));
  return promise;
}

export type Answer = { status: number; body: string };
export type ClientCertificate = { certificate: string; privateKey: string };
export type PostOptions = {
  body?: string;
  method?: string;
  /** PEM of the CA that the server's certificate must be of. */
  ca?: string;
  client?: ClientCertificate | undefined;
  /** The name that the server's certificate must have; `localhost` unless given. */
  servername?: string;
};

/** One request over a connection of its own; rejects when there is no answer, as after a refused handshake. */
export function send(url: string, { body, method = "POST", ca, client, servername }: PostOptions): Promise<Answer> {
  const secure = url.startsWith("https:");
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(secure ? url.replace("127.0.0.1", "localhost") : url, {
      method,
      agent: false,
      headers: { "content-type": "application/json" },
      ...(ca === undefined ? {} : { ca }),
      ...(servername === undefined ? {} : { servername }),
      ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
    }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    request.setTimeout(60_000, () => request.destroy(new Error(`no answer from ${url} within a minute`)));
    request.on("error", reject);
    request.end(body);
  });
}

const kinds = {
  pods: { group: "", version: "v1", kind: "Pod", resource: "pods" },
  deployments: { group: "apps", version: "v1", kind: "Deployment", resource: "deployments" },
};

/** An AdmissionReview as an API server sends it for the creation of an object. */
export function reviewOf(
  object: unknown,
  { resource = "pods", namespace = "default" }: { resource?: keyof typeof kinds; namespace?: string } = {},
): string {
  const { group, version, kind, resource: plural } = kinds[resource];
  return JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "1299d386-525b-4032-98ae-1949f69f9cfc",
      kind: { group, version, kind },
      resource: { group, version, resource: plural },
      requestKind: { group, version, kind },
      requestResource: { group, version, resource: plural },
      name: "nginx",
      namespace,
      operation: "CREATE",
      userInfo: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
      object,
      oldObject: null,
      dryRun: false,
      options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
    },
  });
}

/** A Pod whose one container is privileged, or not. */
export function pod({ privileged = false, annotations }: {
  privileged?: boolean;
  annotations?: Record<string, string>;
} = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "nginx", namespace: "default", ...(annotations && { annotations }) },
    spec: { containers: [{ name: "nginx", image: "nginx", securityContext: { privileged } }] },
  };
}

/** A response to a review or to a raw request. */
export type Verdict = {
  uid: string;
  allowed: boolean;
  patch?: string;
  patchType?: string;
  status?: {
    message?: string;
    code?: number;
    details?: { causes?: { field: string | null; message: string | null }[] };
  };
  auditAnnotations: unknown;
  warnings: unknown;
};

/** The verdict in an answer, which must be a 200. */
export function verdictOf({ status, body }: Answer): Verdict {
  if (status !== 200) throw new Error(`expected a verdict, got ${status}: ${body}`);
  return JSON.parse(body).response;
}
