import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { ownerState, planGarbage } from "./garbage-plan.ts";

const reference = (uid: string) => ({ apiVersion: "v1", kind: "ConfigMap", name: uid, uid });
const object = (metadata: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s", ...metadata },
});

const rows: [string, Parameters<typeof planGarbage>, ReturnType<typeof planGarbage>][] = [
  ["an object without owners stays", [object(), { owners: [], hasDependents: false }], { do: "nothing" }],
  [
    "an object whose only owner is gone goes",
    [object(), { owners: [{ reference: reference("a"), state: "absent" }], hasDependents: false }],
    { do: "remove", propagationPolicy: "Background" },
  ],
  [
    "one present owner keeps it, the absent one is forgotten",
    [object(), {
      owners: [{ reference: reference("a"), state: "absent" }, { reference: reference("b"), state: "present" }],
      hasDependents: false,
    }],
    { do: "dropReferences", uids: ["a"] },
  ],
  [
    "an owner of a kind that is not served keeps it",
    [object(), { owners: [{ reference: reference("a"), state: "unknown" }], hasDependents: false }],
    { do: "nothing" },
  ],
  [
    "foreground deletion goes down the tree",
    [object(), { owners: [{ reference: reference("a"), state: "waiting" }], hasDependents: true }],
    { do: "remove", propagationPolicy: "Foreground" },
  ],
  [
    "an object that is being deleted is left to its finalizers",
    [object({ deletionTimestamp: "t" }), {
      owners: [{ reference: reference("a"), state: "absent" }],
      hasDependents: false,
    }],
    { do: "nothing" },
  ],
];

for (const [name, [given, facts], expected] of rows) {
  test(`garbage: ${name}`, () => assert.equal(planGarbage(given, facts), expected));
}

test("garbage: an owner of the same name and another uid is not the owner", () => {
  assert.is(ownerState({ ...object(), metadata: { name: "a", uid: "new" } }, reference("old")), "absent");
  assert.is(ownerState({ ...object(), metadata: { name: "a", uid: "old" } }, reference("old")), "present");
});

test.run();
