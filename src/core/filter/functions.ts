import type { FilterValue, Overload } from "./expression.ts";

interface Types {
  string: string;
  number: number;
  boolean: boolean;
  groups: ReadonlySet<string>;
}
type Values<P extends readonly (keyof Types)[]> = { [Index in keyof P]: Types[P[Index]] };

/**
 * The functions of filters by their names in lower case, each with its overloads; OData 4.01, URL Conventions
 * §5.1.1.5 and §5.1.1.7. Positions and lengths are in UTF-16 code units, as in .NET; letter case is the invariant one.
 */
export const functions: ReadonlyMap<string, readonly Overload[]> = new Map([
  ["tolower", [overload(["string"], "string", (text) => text.toLowerCase())]],
  ["toupper", [overload(["string"], "string", (text) => text.toUpperCase())]],
  ["trim", [overload(["string"], "string", (text) => text.trim())]],
  ["concat", [overload(["string", "string"], "string", (text, more) => text + more)]],
  [
    "substring",
    [
      overload(["string", "number"], "string", (text, start) => text.slice(start)),
      overload(["string", "number", "number"], "string", substring),
    ],
  ],
  ["indexof", [overload(["string", "string"], "number", (text, part) => text.indexOf(part))]],
  [
    "length",
    [
      overload(["string"], "number", (text) => text.length),
      overload(["groups"], "number", (groups) => groups.size),
    ],
  ],
  ["startswith", [overload(["string", "string"], "boolean", (text, part) => text.startsWith(part))]],
  ["endswith", [overload(["string", "string"], "boolean", (text, part) => text.endsWith(part))]],
  ["contains", [overload(["string", "string"], "boolean", (text, part) => text.includes(part))]],
]);

/** A negative start counts from the end, as OData has it and `slice` does. */
function substring(text: string, start: number, length: number): string {
  const from = start < 0 ? Math.max(0, text.length + start) : start;
  return text.slice(from, from + Math.max(0, length));
}

function overload<const P extends readonly (keyof Types)[], R extends keyof Types>(
  parameters: P,
  result: R,
  apply: (...values: Values<P>) => Types[R],
): Overload {
  return { parameters, result, apply: apply as unknown as (...values: FilterValue[]) => FilterValue };
}
