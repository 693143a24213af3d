import type { Expression, FilterSubject, FilterValue } from "./expression.ts";

/** Gives what an expression is worth for a connection. */
export type Evaluate = (subject: FilterSubject) => FilterValue;

const NO_GROUPS: ReadonlySet<string> = new Set();

/**
 * Turns an expression into a function; it is made once and called for each connection.
 * Null is as in OData 4.01, URL Conventions §5.1.1: it equals only itself, is neither greater nor less than anything,
 * makes a function's result null, and is the unknown of three-valued `and`, `or` and `not`.
 */
export function evaluation(expression: Expression): Evaluate {
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      return () => value;
    }
    case "userId":
      return (subject) => subject.userId ?? null;
    case "connectionId":
      return (subject) => subject.connectionId;
    case "groups":
      return (subject) => subject.groups ?? NO_GROUPS;
    case "call":
      return call(expression.overload.apply, expression.operands.map(evaluation));
    case "not": {
      const operand = evaluation(expression.operand);
      return (subject) => {
        const value = operand(subject);
        return value === null ? null : !value;
      };
    }
    case "and":
      return junction(expression.operands.map(evaluation), false);
    case "or":
      return junction(expression.operands.map(evaluation), true);
    case "inList":
      return inList(evaluation(expression.item), expression.list);
    case "inGroups": {
      const item = evaluation(expression.item);
      return (subject) => subject.groups?.has(item(subject) as string) === true; // null is in no set
    }
    case "comparison":
      return comparison(expression);
  }
}

/** `and` is decided by the first false, `or` by the first true; null leaves the rest to decide. */
function junction(operands: readonly Evaluate[], deciding: boolean): Evaluate {
  return (subject) => {
    let result: FilterValue = !deciding;
    for (const operand of operands) {
      const value = operand(subject);
      if (value === deciding) return deciding;
      if (value === null) result = null;
    }
    return result;
  };
}

function comparison(expression: Extract<Expression, { kind: "comparison" }>): Evaluate {
  const left = evaluation(expression.left);
  const right = evaluation(expression.right);
  switch (expression.operator) {
    case "eq":
      return (subject) => left(subject) === right(subject);
    case "ne":
      return (subject) => left(subject) !== right(subject);
    case "gt":
      return ordering(left, right, (a, b) => a > b);
    case "ge":
      return ordering(left, right, (a, b) => a >= b);
    case "lt":
      return ordering(left, right, (a, b) => a < b);
    case "le":
      return ordering(left, right, (a, b) => a <= b);
  }
}

/** Strings are ordered by UTF-16 code units, and true is greater than false. */
function ordering(left: Evaluate, right: Evaluate, holds: (a: string, b: string) => boolean): Evaluate {
  return (subject) => {
    const a = left(subject);
    const b = right(subject);
    return a !== null && b !== null && holds(a as string, b as string); // or both are numbers, or booleans
  };
}

function inList(item: Evaluate, list: readonly Expression[]): Evaluate {
  const literals = new Set<FilterValue>();
  const others: Evaluate[] = [];
  for (const member of list) {
    if (member.kind === "literal") literals.add(member.value);
    else others.push(evaluation(member));
  }
  return (subject) => {
    const value = item(subject);
    if (literals.has(value)) return true;
    for (const other of others) if (other(subject) === value) return true;
    return false;
  };
}

function call(apply: (...values: FilterValue[]) => FilterValue, operands: readonly Evaluate[]): Evaluate {
  const [first, second, third] = operands;
  if (first === undefined) return () => apply();
  if (second === undefined)
    return (subject) => {
      const a = first(subject);
      return a === null ? null : apply(a);
    };
  if (third === undefined)
    return (subject) => {
      const a = first(subject);
      const b = second(subject);
      return a === null || b === null ? null : apply(a, b);
    };
  return (subject) => {
    const a = first(subject);
    const b = second(subject);
    const c = third(subject);
    return a === null || b === null || c === null ? null : apply(a, b, c);
  };
}
