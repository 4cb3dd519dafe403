// pure
import { accepts, apg, capg, type CrdCase, refuses } from "./case.ts";

const members = (...timeouts: (number | undefined)[]) => ({
  policies: Object.fromEntries(timeouts.map((timeoutEvalSeconds, index) => [
    `m${index}`,
    { module: "m", ...(timeoutEvalSeconds === undefined ? {} : { timeoutEvalSeconds }) },
  ])),
});

/** What groups have beyond that: reference/controller.md 2.8. */
export const groupCases: CrdCase[] = [
  refuses("a group without members", apg({ policies: {} }), "spec.policies", "at least 1 properties"),
  refuses("a group without words", capg({ message: "" }), "spec.message", "at least 1 chars"),
  refuses("a group without expression", capg({ expression: "" }), "spec.expression", "at least 1 chars"),
  ...["9a", "a-b", "while", ""].map((name) =>
    refuses(`a member called "${name}"`, apg({ policies: { [name]: { module: "m" } } }), "spec.policies", "identifiers")
  ),
  accepts("members with underscores and digits", capg({ policies: { _a1: { module: "m" }, B_2: { module: "m" } } })),
  accepts("member timeouts that fill the group's", apg({ ...members(4, 6, undefined) })),
  refuses("member timeouts above the group's", apg({ ...members(5, 6) }), "spec", "the sum of the members"),
  refuses("one member timeout above the group's", apg({ ...members(6), timeoutSeconds: 5 }), "spec", "the sum of"),
  refuses(
    "a member timeout of 1",
    capg({ ...members(1) }),
    "spec.policies.m0.timeoutEvalSeconds",
    "greater than or equal to 2",
  ),
  refuses(
    "a member timeout of 31",
    apg({ ...members(31), timeoutSeconds: 30 }),
    "spec.policies.m0.timeoutEvalSeconds",
    "30",
  ),
];
