import type { Expression, FilterType, Overload } from "./expression.ts";
import { excerpt, FilterError } from "./filter-error.ts";

const NOUNS: Readonly<Record<FilterType, string>> = {
  string: "string",
  number: "number",
  boolean: "boolean",
  groups: "collection",
  null: "null",
};

/**
 * @param rule what the expression breaks if it is none
 * @param hint what follows the error's text
 * @throws {FilterError}
 */
export function checkBoolean(expression: Expression, rule: string, hint = ""): void {
  if (expression.type !== "boolean") throw mismatch(expression, rule, hint);
}

/** @throws {FilterError} unless both can have the same value */
export function checkComparable(operator: string, left: Expression, right: Expression): void {
  for (const { type, start } of [left, right])
    if (type === "groups")
      throw new FilterError(
        start,
        `'${operator}' cannot compare the collection groups; there are 'name' in groups and length(groups)`,
      );
  if (!fits(left, right.type) && !fits(right, left.type))
    throw mismatch(right, `'${operator}' must compare ${shown(left)} with a ${NOUNS[left.type]}`);
}

/** @throws {FilterError} unless it can be the name of a group */
export function checkGroupName(item: Expression): void {
  if (!fits(item, "string")) throw mismatch(item, "'in groups' takes a string");
}

/**
 * The overload of the function `name` at `start` that takes these arguments.
 * @throws {FilterError} if there is none
 */
export function overloadFor(
  { name, start }: { name: string; start: number },
  overloads: readonly Overload[],
  operands: readonly Expression[],
): Overload {
  const candidates = overloads.filter(({ parameters }) => parameters.length === operands.length);
  if (candidates.length === 0) {
    const counts = [...new Set(overloads.map(({ parameters }) => parameters.length))].join(" or ");
    const noun = counts === "1" ? "argument" : "arguments";
    throw new FilterError(start, `'${name}' takes ${counts} ${noun}, not ${operands.length}`);
  }
  for (const [index, operand] of operands.entries()) {
    const types = candidates.flatMap(({ parameters }) => parameters[index] ?? []);
    if (types.some((type) => fits(operand, type))) continue;
    const wanted = types.map((type) => `a ${NOUNS[type]}`).join(" or ");
    throw mismatch(operand, `argument ${index + 1} of '${name}' must be ${wanted}`);
  }
  // No two overloads of as many parameters differ in more than one: what fits one by one fits together.
  return candidates.find(({ parameters }) =>
    operands.every((operand, index) => fits(operand, parameters[index])),
  ) as Overload;
}

/** Whether an expression may stand where a value of this type is taken. Null may stand for any but the groups. */
function fits({ type }: Expression, wanted: FilterType | undefined): boolean {
  return type === wanted || type === "null";
}

function mismatch(expression: Expression, rule: string, hint = ""): FilterError {
  return new FilterError(expression.start, `${rule}, not ${shown(expression)}${hint}`);
}

/** An expression as messages show it: "the number length(userId)". */
function shown({ type, source }: Expression): string {
  return type === "null" ? "null" : `the ${NOUNS[type]} ${excerpt(source)}`;
}
