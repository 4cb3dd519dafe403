import type { CelNode, CelNodeType } from "./cel-environment.ts";
import {
  cap,
  type Comprehension,
  comprehensions,
  either,
  fixed,
  listCreation,
  mapCreation,
  one,
  plus,
  type Range,
  scaled,
  times,
  unbounded,
  zero,
} from "./cel-cost-model.ts";
import type { CelType } from "./cel-types.ts";

/** The most an expression can cost, in CEL's units. Kubernetes refuses a rule above 10 M, a CRD whose rules pass 100 M. */
export const ruleCostLimit = 10_000_000;
export const crdCostLimit = 100_000_000;

/** Reading a string or bytes once costs a tenth of its length. */
const traversal = 0.1;
const scalars = new Set(["int", "uint", "double", "bool", "google.protobuf.Timestamp", "google.protobuf.Duration"]);

/** Estimates as cel-go's checker does (`checker/cost.go`), sizes from the schema. `root` is the type of `self`. */
export function maxCostOf(ast: CelNode, root: CelType): number {
  return new Estimator(root).cost(ast).max;
}

class Estimator {
  readonly #root: CelType;
  readonly #paths = new Map<CelNode, readonly string[]>();
  readonly #sizes = new Map<CelNode, Range>();
  readonly #variables = new Map<string, CelNode>();

  constructor(root: CelType) {
    this.#root = root;
  }

  cost(node: CelNode): Range {
    switch (node.op) {
      case "value":
        return zero;
      case "id":
        return this.#identifier(node);
      case ".":
        return this.#select(node);
      case "list":
        return plus(fixed(listCreation), ...(node.args as CelNode[]).map((each) => this.cost(each)));
      case "map":
        return plus(fixed(mapCreation), ...(node.args as CelNode[][]).flat().map((each) => this.cost(each)));
      case "rcall":
        return this.#method(node);
      case "call":
        return this.#function(node);
      default:
        return this.#operator(node);
    }
  }

  #identifier(node: CelNode): Range {
    const name = node.args as string;
    const range = this.#variables.get(name);
    if (range) {
      const part = range.checkedType?.kind === "map" ? "@keys" : "@items";
      this.#paths.set(node, [...this.#paths.get(range) ?? [], part]);
    } else {
      this.#paths.set(node, [name]);
    }
    return one;
  }

  #select(node: CelNode): Range {
    const [operand, name] = node.args as [CelNode, string];
    const cost = this.cost(operand);
    this.#paths.set(node, [...this.#paths.get(operand) ?? [], name]);
    return ["map", "message", "dyn"].includes(operand.checkedType?.kind ?? "dyn") ? plus(cost, one) : cost;
  }

  #operator(node: CelNode): Range {
    const operands = (Array.isArray(node.args) ? node.args : [node.args]) as CelNode[];
    const costs = operands.map((each) => this.cost(each));
    const [left, right] = operands as [CelNode, CelNode];
    const [first = zero, second = zero, third = zero] = costs;
    const all = plus(...costs);
    switch (node.op) {
      case "||":
      case "&&":
        return { min: first.min, max: plus(first, second).max };
      case "?:": {
        const [, yes, no] = operands as [CelNode, CelNode, CelNode];
        this.#sizes.set(node, either(this.#size(yes), this.#size(no)));
        return plus(first, either(second, third));
      }
      case "[]": {
        const part = left.checkedType?.kind === "map" ? "@values" : "@items";
        this.#paths.set(node, [...this.#paths.get(left) ?? [], part]);
        return plus(one, all);
      }
      case "in":
        return right.checkedType?.kind === "map" ? plus(one, all) : plus(this.#size(right), all);
      case "+":
        return this.#addition(node, left, right, all);
      case "==":
      case "!=":
        return plus(this.#comparison(left, right), all);
      case "<":
      case "<=":
      case ">":
      case ">=":
        return isText(left.checkedType) ? plus(this.#comparison(left, right), all) : plus(one, all);
      default:
        return plus(one, all);
    }
  }

  #addition(node: CelNode, left: CelNode, right: CelNode, operands: Range): Range {
    const kind = left.checkedType?.kind;
    if (kind !== "list" && !isText(left.checkedType) && kind !== "dyn") return plus(one, operands);
    const size = plus(this.#size(left), this.#size(right));
    this.#sizes.set(node, size);
    return kind === "list" ? plus(one, operands) : plus(scaled(size, traversal), operands);
  }

  #comparison(left: CelNode, right: CelNode): Range {
    const max = Math.min(this.#size(left).max, this.#size(right).max);
    return scaled({ min: max > 0 ? 1 : 0, max }, traversal);
  }

  #function(node: CelNode): Range {
    const [name, args] = node.args as [string, CelNode[]];
    const [first] = args;
    // has(e.f) counts as reading e.f: a presence test costs no less.
    if (name === "has" && first) return this.cost(first);
    const costs = plus(...args.map((each) => this.cost(each)));
    if (!first) return plus(one, costs);
    const size = this.#size(first);
    const converts = isText(first.checkedType) || first.checkedType?.kind === "dyn";
    if ((name === "string" || name === "bytes") && converts && first.checkedType?.name !== name) {
      this.#sizes.set(node, name === "bytes" ? { min: size.min, max: cap(size.max * 4) } : { min: 0, max: size.max });
      return plus(scaled(size, traversal), one, costs);
    }
    if (name === "quantity" || name === "isQuantity") return plus(scaled(size, traversal), costs);
    if (name === "dyn" || name === "string" || name === "bytes") this.#sizes.set(node, size);
    return plus(one, costs);
  }

  #method(node: CelNode): Range {
    const [name, target, args] = node.args as [string, CelNode, CelNode[]];
    const step = comprehensions[`${name}/${args.length}`];
    if (step && args[0]?.op === "id") return this.#comprehension(node, step);
    const operands = plus(this.cost(target), ...args.map((each) => this.cost(each)));
    const size = this.#size(target);
    const [first] = args;
    switch (name) {
      case "startsWith":
      case "endsWith":
        return first ? plus(scaled(this.#size(first), traversal), operands) : operands;
      case "contains":
        return first ? plus(times(scaled(size, traversal), scaled(this.#size(first), traversal)), operands) : operands;
      case "matches":
      case "find":
      case "findAll": {
        const pattern = first ? this.#size(first) : zero;
        return plus(times(scaled(plus(size, one), traversal), scaled(pattern, 0.25)), operands);
      }
      case "isSorted":
      case "sum":
      case "min":
      case "max":
      case "indexOf":
      case "lastIndexOf":
        return plus(this.#listWork(target, size), operands);
      case "lowerAscii":
      case "upperAscii":
      case "substring":
      case "trim":
        this.#sizes.set(node, { min: 0, max: size.max });
        return plus(scaled(size, traversal), operands);
      case "replace":
      case "split":
        // Read once, written once.
        this.#sizes.set(node, { min: 0, max: name === "replace" ? cap(size.max * this.#growth(args)) : size.max });
        return plus(scaled(size, 2 * traversal), operands);
      case "join":
        return plus(this.#join(node, target, first), operands);
      default:
        return plus(one, operands);
    }
  }

  #join(node: CelNode, target: CelNode, separator: CelNode | undefined): Range {
    const items = this.#size(target);
    const path = this.#paths.get(target);
    const each = this.#sizeAt(path && [...path, "@items"], target.checkedType?.valueType);
    const between = separator ? this.#size(separator) : zero;
    const max = cap(items.max * each.max + Math.max(0, items.max - 1) * between.max);
    this.#sizes.set(node, { min: 0, max });
    return scaled({ min: 0, max }, traversal);
  }

  /** What replacing may make of each byte: upstream counts the longer text for every one. */
  #growth(args: readonly CelNode[]): number {
    return Math.max(1, args[1] ? this.#size(args[1]).max : 1);
  }

  /** List functions look at each item once; items that are text are read. */
  #listWork(target: CelNode, size: Range): Range {
    if (target.checkedType?.kind !== "list") return scaled(size, traversal);
    const path = this.#paths.get(target);
    const element = target.checkedType.valueType;
    if (!isText(element)) return size;
    return times(size, plus(one, scaled(this.#sizeAt(path && [...path, "@items"], element), traversal)));
  }

  #comprehension(node: CelNode, step: Comprehension): Range {
    const [, range, args] = node.args as [string, CelNode, CelNode[]];
    const rangeCost = this.cost(range);
    const variable = args[0]?.args as string;
    const shadowed = this.#variables.get(variable);
    this.#variables.set(variable, range);
    const body = args.slice(1).map((each) => this.cost(each));
    if (shadowed) this.#variables.set(variable, shadowed);
    else this.#variables.delete(variable);
    const count = this.#size(range);
    this.#sizes.set(node, count);
    return plus(rangeCost, fixed(step.once), times(count, step.each(body)));
  }

  #size(node: CelNode): Range {
    const known = this.#sizes.get(node);
    if (known) return known;
    if (node.op === "value") return literalSize(node.args);
    if (node.op === "list" || node.op === "map") return fixed((node.args as unknown[]).length);
    return this.#sizeAt(this.#paths.get(node), node.checkedType);
  }

  #sizeAt(path: readonly string[] | undefined, type: CelNodeType | undefined): Range {
    const declared = path && path.length > 0 ? this.#declared(path) : undefined;
    if (declared) return { min: 0, max: declared.maxElements };
    return scalars.has(type?.name ?? "") ? one : { min: 0, max: unbounded };
  }

  /** The type at a path; its first part is the variable (`self` or `oldSelf`, which have the same type). */
  #declared(path: readonly string[]): CelType | undefined {
    let type: CelType | undefined = this.#root;
    for (const name of path.slice(1)) {
      if (name === "@items" || name === "@values") type = type?.element;
      else if (name === "@keys") type = type?.key;
      else type = type?.fields?.get(name);
    }
    return type;
  }
}

function literalSize(value: unknown): Range {
  if (typeof value === "string") return fixed([...value].length);
  if (value instanceof Uint8Array) return fixed(value.length);
  return one;
}

function isText(type: CelNodeType | undefined): boolean {
  return type?.name === "string" || type?.name === "bytes";
}
