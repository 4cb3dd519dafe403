import { type CelProgram, compileCel, kubernetesCel } from "./cel-environment.ts";

/**
 * The variables a webhook's matchConditions see, for checking. `authorizer` is not offered: an expression that names it is
 * refused.
 */
const checking = kubernetesCel.clone()
  .registerVariable("object", "dyn")
  .registerVariable("oldObject", "dyn")
  .registerVariable("request", {
    schema: {
      uid: "string",
      kind: { group: "string", version: "string", kind: "string" },
      resource: { group: "string", version: "string", resource: "string" },
      subResource: "string",
      requestKind: { group: "string", version: "string", kind: "string" },
      requestResource: { group: "string", version: "string", resource: "string" },
      requestSubResource: "string",
      name: "string",
      namespace: "string",
      operation: "string",
      userInfo: { username: "string", uid: "string", groups: "list<string>", extra: "map<string, list<string>>" },
      dryRun: "bool",
      options: "dyn",
    },
  });
/** For running: the library turns what has a declared type into objects on which `has()` finds nothing. */
const running = kubernetesCel.clone()
  .registerVariable("object", "dyn")
  .registerVariable("oldObject", "dyn")
  .registerVariable("request", "dyn");
const programs = new Map<string, CelProgram | string>();

/** A matchCondition's program; a text says why it does not compile to a bool. */
export function matchConditionProgram(expression: string): CelProgram | string {
  const known = programs.get(expression);
  if (known !== undefined) return known;
  const answer = programFor(expression);
  programs.set(expression, answer);
  return answer;
}

function programFor(expression: string): CelProgram | string {
  const checked = compileCel(checking, expression);
  if (typeof checked === "string") return checked;
  return ["bool", "dyn"].includes(checked.type) ? compileCel(running, expression) : "must evaluate to bool";
}
