// pure
import { accepts, ap, apg, cap, capg, type CrdCase, refusesUpdate } from "./case.ts";

const immutable = "field is immutable";
const noRecreate = "field cannot transition from protect to monitor. Recreate instead.";

/** What an update may change: reference/controller.md 2.7. */
export const updateCases: CrdCase[] = [
  accepts("an update that changes nothing", ap({}), ap({})),
  accepts("monitor to protect", cap({ mode: "protect" }), cap({ mode: "monitor" })),
  refusesUpdate("protect to monitor", cap({ mode: "protect" }), cap({ mode: "monitor" }), "spec.mode", noRecreate),
  refusesUpdate("the default mode to monitor", apg({}), apg({ mode: "monitor" }), "spec.mode", noRecreate),
  accepts("monitor to protect in a group", apg({ mode: "protect" }), apg({ mode: "monitor" })),
  refusesUpdate(
    "words that a group loses",
    apg({}),
    apg({ message: "" }),
    "spec.message",
    "should be at least 1 chars",
  ),
  refusesUpdate(
    "another PolicyServer",
    ap({ policyServer: "a" }),
    ap({ policyServer: "b" }),
    "spec.policyServer",
    immutable,
  ),
  refusesUpdate(
    "the default PolicyServer to another",
    capg({}),
    capg({ policyServer: "b" }),
    "spec.policyServer",
    immutable,
  ),
  accepts("no PolicyServer to one", ap({ policyServer: "b" }), ap({ policyServer: "" })),
  accepts("mutating turned on", ap({ mutating: true }), ap({})),
];
