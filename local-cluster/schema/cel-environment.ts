import { Environment } from "@marcbachmann/cel-js";
import { regExpOf } from "./schema-errors.ts";
import type { CelType } from "./cel-types.ts";
import { Quantity } from "./quantity.ts";

/** A node of the CEL library's syntax tree, as far as we look at it. */
export type CelNode = {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly input: string;
  readonly checkedType?: CelNodeType;
  setMeta(key: string, value: unknown): CelNode;
};
export type CelNodeType = { readonly kind: string; readonly name: string; readonly valueType?: CelNodeType };

/** An expression that compiled: its type, its syntax tree and a way to run it. */
export type CelProgram = {
  readonly type: string;
  readonly ast: CelNode;
  /** Runs it on CEL values (cel-values.ts). Throws an Error with CEL's words. */
  evaluate(variables: Record<string, unknown>): unknown;
};

/** Compiles one expression; a text says why it does not compile, in the API server's words. */
export function compileCel(environment: Environment, expression: string): CelProgram | string {
  try {
    const parsed = environment.parse(expression);
    const ast = parsed.ast as unknown as CelNode;
    replaceHas(ast);
    const checked = parsed.check();
    if (!checked.valid) return compilationFailed(checked.error, expression);
    return { type: checked.type ?? "dyn", ast, evaluate: (variables) => parsed(variables) };
  } catch (error) {
    return compilationFailed(error, expression);
  }
}

function compilationFailed(error: unknown, expression: string): string {
  const { summary, message, range } = error as { summary?: string; message: string; range?: { start: number } };
  const before = expression.slice(0, range?.start ?? 0).split("\n");
  const at = `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
  const words = (summary ?? message)
    .replace(/^No such key: (.*)$/, "undefined field '$1'")
    .replace(/^Unknown variable: (.*)$/, "undeclared reference to '$1' (in container '')");
  return `compilation failed: ERROR: <input>:${at}: ${words}`;
}

/** What a CEL function with a syntax tree as argument gets from the library. */
type Checker = { check(node: CelNode, context: unknown): CelNodeType; getType(name: string): CelNodeType } & {
  createError(code: string, message: string, node: CelNode): Error;
};
type Evaluator = { run(node: CelNode, context: unknown): unknown };

/** The library's `has` takes no index inside (`has(self.a[b].c)`) and no field check: CEL has both. */
function replaceHas(node: CelNode): void {
  const [name, list] = Array.isArray(node.args) ? node.args : [];
  if (node.op === "call" && name === "has" && Array.isArray(list) && list.length === 1) {
    node.setMeta("macro", hasMacro(list[0] as CelNode));
  }
  childrenOf(node).forEach(replaceHas);
}

function hasMacro(field: CelNode) {
  return {
    typeCheck(checker: Checker, _macro: unknown, context: unknown): CelNodeType {
      if (field.op !== ".") {
        throw checker.createError("invalid_macro_argument", "invalid argument to has() macro", field);
      }
      checker.check(field, context);
      return checker.getType("bool");
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown): boolean {
      const [operand, name] = field.args as [CelNode, string];
      const value = evaluator.run(operand, context);
      if (value instanceof Map) return value.has(name);
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new Error(`no such overload: has(${name})`);
      }
      return Object.hasOwn(value, name) && (value as Record<string, unknown>)[name] !== undefined;
    },
  };
}

/** The nodes below a node, before macros expand. */
export function childrenOf({ op, args }: CelNode): CelNode[] {
  switch (op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [(args as [CelNode])[0]];
    case "call":
      return (args as [string, CelNode[]])[1];
    case "rcall":
      return [(args as [string, CelNode, CelNode[]])[1], ...(args as [string, CelNode, CelNode[]])[2]];
    case "map":
      return (args as CelNode[][]).flat();
    default:
      return Array.isArray(args) ? args as CelNode[] : [args as CelNode];
  }
}

/** CEL as Kubernetes offers it: the standard library and what of its extensions is used here. */
export const kubernetesCel: Environment = withKubernetesLibrary(
  new Environment({ limits: { maxListElements: 10_000, maxMapEntries: 10_000 } }),
);

function withKubernetesLibrary(environment: Environment): Environment {
  const sum = (zero: bigint | number) => (list: Iterable<never>) =>
    [...list].reduce((total: never, each: never) => (total as number) + (each as number) as never, zero as never);
  const extreme = (name: string, better: (a: never, b: never) => boolean) => (list: Iterable<never>) => {
    const values = [...list];
    if (values.length === 0) throw new Error(`${name} called on empty list`);
    return values.reduce((best, each) => better(each, best) ? each : best);
  };
  for (const type of ["int", "double", "string"]) {
    environment
      .registerFunction(`list<${type}>.min(): ${type}`, extreme("min", (a, b) => a < b))
      .registerFunction(`list<${type}>.max(): ${type}`, extreme("max", (a, b) => a > b))
      .registerFunction(
        `list<${type}>.isSorted(): bool`,
        (list: Iterable<never>) =>
          [...list].every((each, index, all) => index === 0 || (all[index - 1] as never) <= each),
      );
  }
  return withQuantities(environment)
    .registerFunction("list<int>.sum(): int", sum(0n))
    .registerFunction("list<double>.sum(): double", sum(0))
    .registerFunction("string.charAt(int): string", (text: string, at: bigint) => [...text][Number(at)] ?? "")
    .registerFunction(
      "string.replace(string, string): string",
      (text: string, from: string, to: string) => text.replaceAll(from, () => to),
    )
    .registerFunction(
      "string.find(string): string",
      (text: string, pattern: string) => regExpOf(pattern).exec(text)?.[0] ?? "",
    )
    .registerFunction(
      "string.findAll(string): list<string>",
      (text: string, pattern: string) => [...text.matchAll(new RegExp(regExpOf(pattern), "gu"))].map(([each]) => each),
    );
}

function withQuantities(environment: Environment): Environment {
  const type = "kubernetes.Quantity";
  const parse = (text: string) => {
    const quantity = Quantity.parse(text);
    if (!quantity) throw new Error(`quantity: "${text}" is no quantity`);
    return quantity;
  };
  return environment
    .registerType(type, { ctor: Quantity })
    .registerFunction(`quantity(string): ${type}`, parse)
    .registerFunction("isQuantity(string): bool", (text: string) => Quantity.parse(text) !== undefined)
    .registerFunction(`${type}.compareTo(${type}): int`, (left: Quantity, right: Quantity) => left.compareTo(right))
    .registerFunction(
      `${type}.isGreaterThan(${type}): bool`,
      (left: Quantity, right: Quantity) => left.nanos > right.nanos,
    )
    .registerFunction(
      `${type}.isLessThan(${type}): bool`,
      (left: Quantity, right: Quantity) => left.nanos < right.nanos,
    )
    .registerFunction(`${type}.sign(): int`, (quantity: Quantity) => quantity.compareTo(new Quantity(0n)))
    .registerFunction(`${type}.isInteger(): bool`, (quantity: Quantity) => quantity.isInteger())
    .registerFunction(`${type}.asApproximateFloat(): double`, (quantity: Quantity) => quantity.toNumber())
    .registerFunction(
      `${type}.add(${type}): ${type}`,
      (left: Quantity, right: Quantity) => new Quantity(left.nanos + right.nanos),
    )
    .registerFunction(
      `${type}.sub(${type}): ${type}`,
      (left: Quantity, right: Quantity) => new Quantity(left.nanos - right.nanos),
    )
    .registerOperator(`${type} == ${type}`, (left: Quantity, right: Quantity) => left.nanos === right.nanos);
}

/** The environment of rules on one schema: `self` and `oldSelf` of its type. For checking them, not for running them. */
export function typedEnvironment(self: CelType): Environment {
  const environment = kubernetesCel.clone();
  return withSelf(environment, typeNameIn(environment, self, "Object"));
}

/** The library's name of a type; object types are registered under their path. */
function typeNameIn(environment: Environment, type: CelType, path: string): string {
  switch (type.kind) {
    case "list":
      return `list<${type.element ? typeNameIn(environment, type.element, `${path}.idx`) : "dyn"}>`;
    case "map":
      return `map<string, ${type.element ? typeNameIn(environment, type.element, `${path}.elem`) : "dyn"}>`;
    case "timestamp":
      return "google.protobuf.Timestamp";
    case "duration":
      return "google.protobuf.Duration";
    case "object": {
      const fields = [...type.fields ?? []].map(([name, each]) => [
        name,
        typeNameIn(environment, each, `${path}.${name}`),
      ]);
      environment.registerType(path, { fields: Object.fromEntries(fields) });
      return path;
    }
    default:
      return type.kind;
  }
}

/** Adds the variables of a rule, both of one type. */
export function withSelf(environment: Environment, typeName: string): Environment {
  return environment.registerVariable("self", typeName).registerVariable("oldSelf", typeName);
}
