/** What is known of a connection that a filter looks at. */
export interface FilterSubject {
  /** `undefined`, in filters `null`, for an anonymous client. */
  readonly userId: string | undefined;
  readonly connectionId: string;
  /** `undefined` is as good as empty. */
  readonly groups: ReadonlySet<string> | undefined;
}

/** What an expression can be worth. */
export type FilterValue = string | number | boolean | null | ReadonlySet<string>;

/** Known while parsing. `null` is only the type of the literal: any expression may turn out to be worth null. */
export type FilterType = "string" | "number" | "boolean" | "groups" | "null";

/** A function with one list of parameters. */
export interface Overload {
  readonly parameters: readonly FilterType[];
  readonly result: FilterType;
  /** Takes values of the types of `parameters`, none of them null. */
  readonly apply: (...values: FilterValue[]) => FilterValue;
}

/** A filter or a part of it whose types are right; `source` is its text, which begins at `start` of the filter's. */
export type Expression = { readonly type: FilterType; readonly start: number; readonly source: string } & (
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "userId" | "connectionId" | "groups" }
  | { readonly kind: "call"; readonly overload: Overload; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly operands: readonly Expression[] }
  | {
      readonly kind: "comparison";
      readonly operator: "eq" | "ne" | "gt" | "ge" | "lt" | "le";
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "inList"; readonly item: Expression; readonly list: readonly Expression[] }
  | { readonly kind: "inGroups"; readonly item: Expression }
);
