const MAX_QUOTED_LENGTH = 40;

/** The text of a filter is not one; the caller's fault. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  /** Where in the text, in UTF-16 code units from 0; the length of the text where it ends too early. */
  readonly position: number;

  /** @param problem what is wrong there and what would be right, without a full stop */
  constructor(position: number, problem: string) {
    super(`Invalid syntax for 'filter' at position ${position}: ${problem}.`);
    this.position = position;
  }
}

/** A piece of a filter as messages show it: short, on one line. */
export function excerpt(text: string): string {
  const short = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return short.toWellFormed().replaceAll(/\p{Cc}/gu, " ");
}
