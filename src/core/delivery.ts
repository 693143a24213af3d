import type { Filter } from "./filter/filter.ts";
import type { Payload } from "./payload.ts";

/** Who a delivery is for. A new audience is a new variant here; the compiler lists what to change. */
export type Audience =
  | { readonly to: "all" }
  | { readonly to: "group"; readonly group: string }
  | { readonly to: "groups"; readonly groups: readonly string[] }
  | { readonly to: "user"; readonly userId: string }
  | { readonly to: "users"; readonly userIds: readonly string[] }
  | { readonly to: "userInGroup"; readonly userId: string; readonly group: string }
  | { readonly to: "connection"; readonly connectionId: string }
  | { readonly to: "connections"; readonly connectionIds: readonly string[] }
  | { readonly to: "matching"; readonly filter: Filter };

/** The waist of the system: everything that sends makes one of these, everything that routes takes one. */
export interface Delivery {
  /** Full hub name, lower-case, see `hubName`. */
  readonly hub: string;
  readonly audience: Audience;
  /** Ids of connections that do not get it although they are in the audience. */
  readonly excluding: ReadonlySet<string>;
  readonly payload: Payload;
}

/** The `excluding` of a delivery that leaves nobody out. */
export const NOBODY: ReadonlySet<string> = new Set();
