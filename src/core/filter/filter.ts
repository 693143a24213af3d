import type { Audience } from "../delivery.ts";
import { evaluation } from "./evaluate.ts";
import type { FilterSubject } from "./expression.ts";
import { filterAudience } from "./filter-audience.ts";
import { parseFilter } from "./parse.ts";

/** A condition on connections, docs/filter.md. */
export interface Filter {
  readonly text: string;
  /** No connection outside of it matches; one within it must still be asked. Spares looking at all of a hub. */
  readonly audience: Audience;
  /** Never throws. */
  readonly matches: (subject: FilterSubject) => boolean;
}

/**
 * Reads the text of a filter, percent-decoded.
 * @throws {FilterError} if it is none, or exceeds one of the limits in parse.ts
 */
export function compileFilter(text: string): Filter {
  const expression = parseFilter(text);
  const evaluate = evaluation(expression);
  return {
    text,
    audience: filterAudience(expression),
    matches: (subject) => evaluate(subject) === true,
  };
}
