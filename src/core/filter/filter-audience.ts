import type { Audience } from "../delivery.ts";
import type { Expression } from "./expression.ts";

/** The connections that have one of these ids, users or groups. */
interface Reach {
  readonly to: "connections" | "users" | "groups";
  readonly keys: readonly string[];
}

/** The smallest audience that is easily seen to hold every connection for which the expression is true. */
export function filterAudience(expression: Expression): Audience {
  const reach = reachOf(expression);
  switch (reach?.to) {
    case "connections":
      return { to: "connections", connectionIds: reach.keys };
    case "users":
      return { to: "users", userIds: reach.keys };
    case "groups":
      return { to: "groups", groups: reach.keys };
    case undefined:
      return { to: "all" };
  }
}

/** `undefined` where it may be any connection. */
function reachOf(expression: Expression): Reach | undefined {
  const { kind } = expression;
  if (kind === "comparison" && expression.operator === "eq")
    return equals(expression.left, [expression.right]) ?? equals(expression.right, [expression.left]);
  if (kind === "inList") return equals(expression.item, expression.list);
  if (kind === "inGroups") return reach("groups", [expression.item]);
  if (kind !== "and" && kind !== "or") return undefined;
  const reaches = expression.operands.map(reachOf);
  if (kind === "and")
    return (["connections", "users", "groups"] as const)
      .map((to) => reaches.find((one) => one?.to === to))
      .find((one) => one !== undefined);
  const to = reaches[0]?.to;
  if (to === undefined || !reaches.every((one) => one?.to === to)) return undefined;
  return { to, keys: reaches.flatMap((one) => one?.keys ?? []) };
}

function equals(property: Expression, values: readonly Expression[]): Reach | undefined {
  if (property.kind === "userId") return reach("users", values);
  return property.kind === "connectionId" ? reach("connections", values) : undefined;
}

function reach(to: Reach["to"], values: readonly Expression[]): Reach | undefined {
  const keys: string[] = [];
  for (const value of values) {
    if (value.kind !== "literal" || typeof value.value !== "string") return undefined;
    keys.push(value.value);
  }
  return { to, keys };
}
