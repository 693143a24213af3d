/*
 * The grammar, in EBNF. Names and keywords are meant in any letter case; between words there may be white space.
 *
 *   filter     = or ;                                        (a boolean)
 *   or         = and, { "or", and } ;
 *   and        = comparison, { "and", comparison } ;
 *   comparison = unary, [ ( "eq" | "ne" | "gt" | "ge" | "lt" | "le" ), unary ] ;
 *   unary      = "not", unary | membership ;
 *   membership = primary, [ "in", ( "groups" | list ) ] ;    (a list of nothing but groups is groups)
 *   primary    = string | integer | "true" | "false" | "null"
 *              | "userId" | "connectionId" | "groups"
 *              | function, list
 *              | "(", or, ")" ;
 *   list       = "(", or, { ",", or }, ")" ;
 *   function   = "tolower" | "toupper" | "trim" | "concat" | "substring" | "indexof" | "length"
 *              | "startswith" | "endswith" | "contains" ;
 *   string     = "'", { character - "'" | "''" }, "'" ;
 *   integer    = [ "+" | "-" ], digit, { digit } ;
 *
 * It is that of Web PubSub (docs/spec/rest-api.md §1.6; https://learn.microsoft.com/azure/azure-web-pubsub/reference-odata-filter)
 * with what OData 4.01 has beyond it (URL Conventions §5.1.1): any expression may be a function's argument, an
 * item of a list, or compared; `in` binds tighter than `not`.
 */
import type { Expression } from "./expression.ts";
import { FilterError } from "./filter-error.ts";
import { functions } from "./functions.ts";
import { TokenCursor } from "./token-cursor.ts";
import { checkBoolean, checkComparable, checkGroupName, overloadFor } from "./type-check.ts";

/** Longest text of a filter, in UTF-16 code units. */
export const MAX_FILTER_LENGTH = 8192;
/** How deep parentheses, lists and `not` may be nested: bounds the recursion here and in evaluation. */
export const MAX_FILTER_DEPTH = 64;
/** Values, names and operators of a filter: bounds the time that one evaluation takes. */
export const MAX_FILTER_PARTS = 1000;

const COMPARISONS = ["eq", "ne", "gt", "ge", "lt", "le"] as const;
const OPERATORS: readonly string[] = [...COMPARISONS, "in", "and", "or", "not"];
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const PROPERTIES: ReadonlyMap<string, "userId" | "connectionId" | "groups"> = new Map([
  ["userid", "userId"],
  ["connectionid", "connectionId"],
  ["groups", "groups"],
]);

/**
 * What a filter's text means; always of type boolean.
 * @throws {FilterError} that says where it is no filter, and what would be right there
 */
export function parseFilter(text: string): Expression {
  if (text.length > MAX_FILTER_LENGTH)
    throw new FilterError(MAX_FILTER_LENGTH, `the filter is longer than ${MAX_FILTER_LENGTH} characters`);
  return new Parser(text).filter();
}

/** Recursive descent: one method per rule of the grammar. Types are checked as soon as the parts are known. */
class Parser {
  readonly #cursor: TokenCursor;
  #depth = 0;
  #parts = 0;

  constructor(text: string) {
    this.#cursor = new TokenCursor(text);
  }

  filter(): Expression {
    const filter = this.#or();
    if (this.#cursor.token.kind !== "end") throw this.#expectedAfter(filter, "the end of the filter");
    checkBoolean(filter, "the filter must be a boolean");
    return filter;
  }

  #or(): Expression {
    return this.#chain("or", () => this.#and());
  }

  #and(): Expression {
    return this.#chain("and", () => this.#comparison());
  }

  #chain(kind: "and" | "or", parseOperand: () => Expression): Expression {
    const first = parseOperand();
    if (!this.#cursor.isAt("name", kind)) return first;
    const operands = [first];
    checkBoolean(first, `'${kind}' takes booleans`);
    while (this.#cursor.accept("name", kind)) {
      const operand = parseOperand();
      checkBoolean(operand, `'${kind}' takes booleans`);
      operands.push(operand);
    }
    return this.#part({ kind, operands, type: "boolean", ...this.#from(first.start) });
  }

  #comparison(): Expression {
    const left = this.#unary();
    const operator = this.#comparisonOperator();
    if (operator === undefined) return left;
    this.#cursor.take();
    const right = this.#unary();
    checkComparable(operator, left, right);
    return this.#part({
      kind: "comparison",
      operator,
      left,
      right,
      type: "boolean",
      ...this.#from(left.start),
    });
  }

  #unary(): Expression {
    const { start } = this.#cursor.token;
    if (!this.#cursor.accept("name", "not")) return this.#membership();
    const operand = this.#nested(() => this.#unary());
    const operator = this.#comparisonOperator();
    const hint =
      operator === undefined
        ? ""
        : `; 'not' binds tighter than '${operator}': put the comparison in parentheses`;
    checkBoolean(operand, "'not' takes a boolean", hint);
    return this.#part({ kind: "not", operand, type: "boolean", ...this.#from(start) });
  }

  #membership(): Expression {
    const item = this.#primary();
    if (!this.#cursor.accept("name", "in")) return item;
    const isList = this.#cursor.isAt("symbol", "(");
    if (!isList && !this.#cursor.isAt("name", "groups"))
      throw this.#cursor.expected("'groups'", "a list in parentheses");
    const list = isList ? this.#list() : [this.#primary()];
    if (list.length === 1 && list[0]?.type === "groups") {
      checkGroupName(item);
      return this.#part({ kind: "inGroups", item, type: "boolean", ...this.#from(item.start) });
    }
    for (const member of list) checkComparable("in", item, member);
    return this.#part({ kind: "inList", item, list, type: "boolean", ...this.#from(item.start) });
  }

  #primary(): Expression {
    const { kind, value, start } = this.#cursor.token;
    switch (kind) {
      case "name":
        return this.#named(value);
      case "string":
      case "integer": {
        this.#cursor.take();
        const type = kind === "string" ? "string" : "number";
        return this.#part({ kind: "literal", value, type, ...this.#from(start) });
      }
      case "symbol":
      case "end": {
        if (!this.#cursor.accept("symbol", "(")) throw this.#cursor.expected("a value");
        const inner = this.#nested(() => this.#or());
        if (!this.#cursor.accept("symbol", ")")) throw this.#expectedAfter(inner, "')'");
        return { ...inner, ...this.#from(start) };
      }
    }
  }

  #named(name: string): Expression {
    const { start } = this.#cursor.token;
    const value = LITERALS.get(name);
    if (value !== undefined) {
      this.#cursor.take();
      const type = value === null ? "null" : "boolean";
      return this.#part({ kind: "literal", value, type, ...this.#from(start) });
    }
    const kind = PROPERTIES.get(name);
    if (kind !== undefined) {
      this.#cursor.take();
      return this.#part({ kind, type: kind === "groups" ? "groups" : "string", ...this.#from(start) });
    }
    if (functions.has(name)) return this.#call(name);
    if (OPERATORS.includes(name)) throw this.#cursor.expected("a value");
    throw this.#cursor.unknownName(PROPERTIES.values(), functions.keys());
  }

  #call(name: string): Expression {
    const { start } = this.#cursor.token;
    this.#cursor.take();
    const operands = this.#list();
    const overload = overloadFor({ name, start }, functions.get(name) ?? [], operands);
    const last = operands[2];
    if (last?.kind === "literal" && typeof last.value === "number" && last.value < 0)
      throw new FilterError(last.start, `the length that '${name}' takes cannot be negative`);
    return this.#part({ kind: "call", overload, operands, type: overload.result, ...this.#from(start) });
  }

  /** At least one expression, in parentheses. */
  #list(): Expression[] {
    if (!this.#cursor.accept("symbol", "(")) throw this.#cursor.expected("'('");
    const list: Expression[] = [];
    for (;;) {
      const item = this.#nested(() => this.#or());
      list.push(item);
      if (this.#cursor.accept("symbol", ")")) return list;
      if (!this.#cursor.accept("symbol", ",")) throw this.#expectedAfter(item, "','", "')'");
    }
  }

  #comparisonOperator(): (typeof COMPARISONS)[number] | undefined {
    return COMPARISONS.find((operator) => this.#cursor.isAt("name", operator));
  }

  #nested(parse: () => Expression): Expression {
    if (this.#depth === MAX_FILTER_DEPTH)
      throw new FilterError(
        this.#cursor.token.start,
        `the filter is nested deeper than ${MAX_FILTER_DEPTH} levels`,
      );
    this.#depth++;
    const expression = parse();
    this.#depth--;
    return expression;
  }

  #part(part: Expression): Expression {
    if (++this.#parts > MAX_FILTER_PARTS)
      throw new FilterError(
        this.#cursor.token.start,
        `the filter has more than ${MAX_FILTER_PARTS} values, names and operators`,
      );
    return part;
  }

  #from(start: number): { start: number; source: string } {
    return { start, source: this.#cursor.sourceFrom(start) };
  }

  #expectedAfter(expression: Expression, ...closings: string[]): FilterError {
    const operators = expression.type === "boolean" ? ["'and'", "'or'"] : ["an operator"];
    return this.#cursor.expected(...operators, ...closings);
  }
}
