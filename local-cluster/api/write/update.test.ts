import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { builtinTypes } from "../../schema/builtin/types.ts";
import { StatusError } from "../../schema/status-error.ts";
import type { ApiContext, WriteRequest } from "../context.ts";
import { seededRandom } from "../random.ts";
import { Storage } from "../storage.ts";
import { TypeRegistry } from "../type-registry.ts";
import { WatchHub } from "../watch-hub.ts";
import { patchObject } from "./patch.ts";
import { replaceObject } from "./update.ts";

const type = builtinTypes().find(({ plural }) => plural === "configmaps")!;
const stored = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n", uid: "u" }, data: {} };

/** A server where another client writes `rivals` times while a request is in admission. */
function contested(rivals: number): { context: ApiContext; live: () => KubeObject } {
  const storage = new Storage();
  storage.create("configmaps", stored);
  const live = () => storage.get("configmaps", "a", "n")!;
  let left = rivals;
  const context: ApiContext = {
    storage,
    hub: new WatchHub(storage, () => 0),
    types: new TypeRegistry([type]),
    random: seededRandom(1),
    disturbances: false,
    now: () => new Date(0),
    admission: {
      mutate: async ({ object }) => {
        if (left-- > 0) storage.update("configmaps", live(), { ...live(), data: { rival: String(left) } });
        return { object, warnings: [] };
      },
      validate: async () => ({ warnings: [] }),
      configurationChanged: () => undefined,
      stop: () => undefined,
    },
    authorize: () => ({ allowed: true, reason: "" }),
    prepare: () => ({ now: new Date(0), allocateClusterIp: () => "" }),
    unfinishedLists: new Map(),
  };
  return { context, live };
}

const request = (body: unknown, contentType: string): WriteRequest => ({
  verb: "patch",
  type,
  namespace: "n",
  name: "a",
  user: { username: "u", groups: [] },
  dryRun: false,
  fieldManager: "m",
  fieldValidation: "Strict",
  contentType,
  body: JSON.stringify(body),
  force: false,
  signal: new AbortController().signal,
  warn: () => undefined,
});
const merge = "application/merge-patch+json";
const isConflict = (error: unknown) => error instanceof StatusError && error.status.reason === "Conflict";

async function outcome(act: () => Promise<unknown>): Promise<unknown> {
  return await act().then(() => "done", (error) => isConflict(error) ? "conflict" : error);
}

test("patch: one that names no resourceVersion is tried again on what another client wrote meanwhile", async () => {
  const { context, live } = contested(3);
  assert.is(await outcome(() => patchObject(context, request({ data: { k: "v" } }, merge), () => undefined)), "done");
  assert.equal(live().data, { rival: "0", k: "v" });
});

test("patch: after five attempts it is a conflict after all", async () => {
  const { context } = contested(5);
  const patch = request({ data: { k: "v" } }, merge);
  assert.is(await outcome(() => patchObject(context, patch, () => undefined)), "conflict");
});

test("patch: one that names a resourceVersion is not tried again", async () => {
  const { context, live } = contested(1);
  const patch = request({ metadata: { resourceVersion: live().metadata.resourceVersion }, data: { k: "v" } }, merge);
  assert.is(await outcome(() => patchObject(context, patch, () => undefined)), "conflict");
});

test("update: one with a resourceVersion loses against another client that was quicker", async () => {
  const { context, live } = contested(1);
  const update = { ...request({ ...live(), data: { mine: "1" } }, "application/json"), verb: "update" };
  assert.is(await outcome(() => replaceObject(context, update)), "conflict");
});

test.run();
