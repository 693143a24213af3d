import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Audience } from "../delivery.ts";
import type { FilterSubject } from "./expression.ts";
import { compileFilter } from "./filter.ts";
import { FilterError } from "./filter-error.ts";
import { MAX_FILTER_LENGTH } from "./parse.ts";

/** An expression as the test has it: an operator or function with operands, or a value, or the name of a property. */
type Node = { readonly op: string; readonly of: readonly Node[] } | { readonly value: Value } | Property;
type Property = { readonly property: "userId" | "connectionId" | "groups" };
type Value = string | number | boolean | null;

const TEXTS = ["", "a", "A", "b", "ab", "'", "a'b", " a ", "é", "\u{1f600}", "and", "(", "in groups"];
const COMPARISONS = ["eq", "ne", "gt", "ge", "lt", "le"];

/** Well-typed expressions. */
const expressions = fc.letrec<{ text: Node; number: Node; boolean: Node; leaf: Node }>((tie) => {
  const node = (ops: string[], ...of: fc.Arbitrary<Node>[]): fc.Arbitrary<Node> =>
    fc.record({ op: fc.constantFrom(...ops), of: fc.tuple(...of) });
  const value = (values: Value[]): fc.Arbitrary<Node> =>
    fc.constantFrom(...values).map((one) => ({ value: one }));
  const property = (name: Property["property"]): fc.Arbitrary<Node> => fc.constant({ property: name });
  const [text, number, boolean] = [tie("text"), tie("number"), tie("boolean")];
  const list = (item: fc.Arbitrary<Node>) =>
    fc.record({ op: fc.constant("in"), of: fc.array(item, { minLength: 2, maxLength: 4 }) });
  const anId = fc.oneof(property("userId"), property("connectionId"));
  const pin = fc.oneof(
    node(["eq"], anId, value(TEXTS)),
    node(["eq"], value(TEXTS), anId),
    node(["in"], anId, value(TEXTS), value(TEXTS)),
    node(["ingroups"], value(TEXTS)),
  );
  const depthSize = "small" as const;
  return {
    text: fc.oneof(
      { depthSize, maxDepth: 4 },
      fc.oneof(value([...TEXTS, null]), property("userId"), property("connectionId")),
      node(["tolower", "toupper", "trim"], text),
      node(["concat"], text, text),
      node(["substring"], text, number),
      node(["substring"], text, number, number),
    ),
    number: fc.oneof(
      { depthSize, maxDepth: 4 },
      value([0, 1, 2, 3, null]),
      node(["length"], text),
      node(["length"], property("groups")),
      node(["indexof"], text, text),
    ),
    leaf: value([true, false]),
    boolean: fc.oneof(
      { depthSize, maxDepth: 5 },
      tie("leaf"),
      node(COMPARISONS, text, text),
      node(COMPARISONS, number, number),
      node(COMPARISONS, boolean, boolean),
      node(["startswith", "endswith", "contains"], text, text),
      node(["ingroups"], text),
      pin,
      list(text),
      list(number),
      node(["not"], boolean),
      node(["and", "or"], boolean, boolean),
    ),
  };
}).boolean;

const subjects: fc.Arbitrary<FilterSubject> = fc.record({
  userId: fc.option(fc.constantFrom(...TEXTS), { nil: undefined }),
  connectionId: fc.constantFrom(...TEXTS),
  groups: fc
    .option(fc.uniqueArray(fc.constantFrom(...TEXTS), { maxLength: 3 }), { nil: undefined })
    .map((names) => (names === undefined ? undefined : new Set(names))),
});

/** What an expression is worth, told as plainly as can be and from the rules of OData, not from the code. */
function worth(node: Node, subject: FilterSubject): Value | string[] {
  if ("value" in node) return node.value;
  if ("property" in node)
    return node.property === "groups" ? [...(subject.groups ?? [])] : (subject[node.property] ?? null);
  const values = node.of.map((operand) => worth(operand, subject));
  const [a, b] = values;
  switch (node.op) {
    case "not":
      return a === null ? null : !a;
    case "and":
      return values.includes(false) ? false : values.includes(null) ? null : true;
    case "or":
      return values.includes(true) ? true : values.includes(null) ? null : false;
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    case "in":
      return values.indexOf(a as Value, 1) > 0;
    case "ingroups":
      return [...(subject.groups ?? [])].some((group) => group === a);
  }
  if (COMPARISONS.includes(node.op)) return compared(node.op, a as Value, b as Value);
  return values.includes(null) ? null : applied(node.op, values);
}

function compared(op: string, a: Value, b: Value): boolean {
  if (a === null || b === null) return false;
  const order = a === b ? 0 : a < b ? -1 : 1;
  return (op.includes("e") && order === 0) || ((op.startsWith("g") ? order > 0 : order < 0) && order !== 0);
}

function applied(op: string, values: readonly (Value | string[])[]): Value {
  const [first, second, third] = values;
  if (Array.isArray(first)) return first.length;
  const text = String(first);
  if (op === "substring") {
    const start = Number(second) < 0 ? Math.max(0, text.length + Number(second)) : Number(second);
    const end = third === undefined ? Infinity : start + Number(third);
    return Array.from({ length: text.length }, (_, index) => text.charAt(index))
      .filter((_, index) => index >= start && index < end)
      .join("");
  }
  const part = String(second);
  const places = Array.from({ length: text.length + 1 }, (_, index) => index).filter(
    (index) => text.slice(index, index + part.length) === part,
  );
  switch (op) {
    case "length":
      return text.length;
    case "tolower":
      return text.toLowerCase();
    case "toupper":
      return text.toUpperCase();
    case "trim":
      return text.replace(/^\s+/, "").replace(/\s+$/, "");
    case "concat":
      return [text, part].join("");
    case "indexof":
      return places[0] ?? -1;
    case "startswith":
      return places.includes(0);
    case "endswith":
      return places.includes(text.length - part.length);
    case "contains":
      return places.length > 0;
    default:
      throw new Error(`The test does not know ${op}.`);
  }
}

const STRENGTH: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  eq: 3,
  ne: 3,
  gt: 3,
  ge: 3,
  lt: 3,
  le: 3,
  not: 4,
  in: 5,
  ingroups: 5,
};
const STRONGEST = 6;

/** Writes expressions in many styles, with all the parentheses that are needed and some that are not. */
class Printer {
  readonly #choices: readonly number[];
  #next = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  print(node: Node, weakest = 0): string {
    const strength = "op" in node ? (STRENGTH[node.op] ?? STRONGEST) : STRONGEST;
    const text = this.#bare(node, strength);
    const isWrapped = strength < weakest || this.#pick([false, false, false, true]);
    return isWrapped ? `(${this.#blank(0)}${text}${this.#blank(0)})` : text;
  }

  #bare(node: Node, strength: number): string {
    if ("value" in node) return this.#value(node.value);
    if ("property" in node) return this.#word(node.property);
    const [first, second] = node.of;
    if (first === undefined) return "";
    switch (strength) {
      case STRONGEST:
        return `${this.#word(node.op)}${this.#blank(0)}${this.#list(node.of)}`;
      case STRENGTH["in"]:
        return [
          this.print(first, STRONGEST),
          this.#word("in"),
          second === undefined ? this.#groups() : this.#list(node.of.slice(1)),
        ].join(this.#blank(1));
      case STRENGTH["not"]:
        return `${this.#word("not")}${this.#blank(1)}${this.print(first, strength)}`;
      default: {
        // Comparisons do not chain; `and` and `or` do.
        const weakest = strength === STRENGTH["eq"] ? strength + 1 : strength;
        const operands = node.of.map((operand) => this.print(operand, weakest));
        return operands.join(`${this.#blank(1)}${this.#word(node.op)}${this.#blank(1)}`);
      }
    }
  }

  #list(nodes: readonly Node[]): string {
    const items = nodes.map((node) => `${this.#blank(0)}${this.print(node)}${this.#blank(0)}`);
    return `(${items.join(",")})`;
  }

  #groups(): string {
    return this.#pick([this.#word("groups"), `(${this.#word("groups")})`]);
  }

  #value(value: Value): string {
    if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
    if (typeof value === "number") return this.#pick([`${value}`, `+${value}`, `0${value}`]);
    return this.#word(String(value));
  }

  #word(word: string): string {
    return this.#pick([word, word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)]);
  }

  #blank(least: 0 | 1): string {
    return least === 0 ? this.#pick(["", "", " ", "\n"]) : this.#pick([" ", " ", "  ", "\t", "\r\n "]);
  }

  #pick<T>(options: readonly T[]): T {
    const choice = this.#choices[this.#next++ % this.#choices.length] ?? 0;
    return options[choice % options.length] as T;
  }
}

describe("filters, on random texts", () => {
  const choices = fc.array(fc.nat(59), { minLength: 1, maxLength: 50 });

  test("an expression means the same however it is written", () => {
    const seen = { true: 0, false: 0, narrow: 0 };
    fc.assert(
      fc.property(
        expressions,
        choices,
        fc.array(subjects, { minLength: 1, maxLength: 5 }),
        (node, style, them) => {
          const text = new Printer(style).print(node);
          const filter = compileFilter(text);
          if (filter.audience.to !== "all") seen.narrow++;
          for (const subject of them) {
            const isMatch = worth(node, subject) === true;
            seen[`${isMatch}`]++;
            assert.equal(filter.matches(subject), isMatch, text);
            if (isMatch) assert.ok(isWithin(filter.audience, subject), text);
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(Math.min(seen.true, seen.false, seen.narrow) > 5, JSON.stringify(seen));
  });

  const words = fc.constantFrom(
    ..."userId connectionId groups and or not eq ne gt ge lt le in ( ) , ' '' 'a' 'it''s' true false null 0 -1 5x 1.5".split(
      " ",
    ),
    ...'tolower( toupper( trim( substring( concat( indexof( length( startswith( endswith( contains( = " é \u0000'.split(
      " ",
    ),
  );
  const salad = fc
    .tuple(fc.array(words, { maxLength: 30 }), fc.constantFrom(" ", ""))
    .map(([some, blank]) => some.join(blank));
  const damaged = fc
    .record({
      node: expressions,
      style: choices,
      at: fc.nat(200),
      removed: fc.nat(3),
      added: fc.oneof(words, fc.string()),
    })
    .map(({ node, style, at, removed, added }) => {
      const text = new Printer(style).print(node);
      const position = at % (text.length + 1);
      return `${text.slice(0, position)}${added}${text.slice(position + removed)}`;
    });

  test("whatever is no filter is refused with its position, and nothing else is thrown", () => {
    fc.assert(
      fc.property(fc.oneof(salad, damaged, fc.string({ unit: "binary" })), subjects, (text, subject) => {
        isAccepted(text, subject);
      }),
      { numRuns: 500 },
    );
  });

  test("no text takes long", () => {
    const long = (piece: string) => piece.repeat(MAX_FILTER_LENGTH).slice(0, MAX_FILTER_LENGTH);
    const pieces = [
      "(",
      ")",
      "'",
      "''",
      "not ",
      "not(",
      "a",
      "1",
      ",",
      " ",
      "=",
      "é",
      "\u0000",
      "userId in(",
    ];
    const texts = [
      ...pieces.map(long),
      `userId in (${long("'a',")}`,
      ...["true or ", "'a' in groups and ", "concat(userId,"].map(long),
      `${"contains(userId,'xxy')or ".repeat(249)}true`,
      `userId in (${"concat(userId,'x'),".repeat(300)}'a')`,
    ];
    const subject = { userId: "x".repeat(10_000), connectionId: "a", groups: undefined };
    const started = performance.now();
    for (const text of texts) isAccepted(text, subject);
    const elapsedMs = performance.now() - started;
    assert.ok(elapsedMs < 2000, `${elapsedMs} ms`);
  });
});

function isAccepted(text: string, subject: FilterSubject): boolean {
  try {
    assert.equal(typeof compileFilter(text).matches(subject), "boolean");
    return true;
  } catch (error) {
    assert.ok(error instanceof FilterError, String(error));
    assert.ok(error.position >= 0 && error.position <= text.length, error.message);
    assert.ok(error.message.startsWith(`Invalid syntax for 'filter' at position ${error.position}: `));
    assert.ok(error.message.length < 300, error.message);
    return false;
  }
}

function isWithin(audience: Audience, { userId, connectionId, groups }: FilterSubject): boolean {
  if (audience.to === "users") return userId !== undefined && audience.userIds.includes(userId);
  if (audience.to === "connections") return audience.connectionIds.includes(connectionId);
  if (audience.to === "groups") return audience.groups.some((group) => groups?.has(group));
  return audience.to === "all";
}
