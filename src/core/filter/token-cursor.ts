import { excerpt, FilterError } from "./filter-error.ts";
import { type Token, tokenize } from "./tokenize.ts";

/** Goes through the words of a filter, one ahead. */
export class TokenCursor {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  /** @throws {FilterError} */
  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  /** The word that comes next. */
  get token(): Token {
    return this.#tokens[this.#index] as Token; // the `end` is never taken
  }

  /** The text from a word's start to the end of the last one taken. */
  sourceFrom(start: number): string {
    return this.#text.slice(start, this.#tokens[this.#index - 1]?.end);
  }

  /** Takes the next word, which is not the `end`. */
  take(): void {
    this.#index++;
  }

  isAt(kind: "name" | "symbol", value: string): boolean {
    return this.token.kind === kind && this.token.value === value;
  }

  /** Takes the next word if it is this one. */
  accept(kind: "name" | "symbol", value: string): boolean {
    const isAt = this.isAt(kind, value);
    if (isAt) this.take();
    return isAt;
  }

  /** What is wrong where the next word is none of those that may stand there. */
  expected(...what: string[]): FilterError {
    const { kind, start, end } = this.token;
    const wanted = `expected ${alternatives(what)}`;
    if (kind === "end") return new FilterError(start, `${wanted}, but the filter ends`);
    const word = excerpt(this.#text.slice(start, end));
    return new FilterError(
      start,
      `${wanted}, but found ${kind === "string" ? `the string ${word}` : `'${word}'`}`,
    );
  }

  /** What is wrong where the next word is a name that means nothing. */
  unknownName(properties: Iterable<string>, functions: Iterable<string>): FilterError {
    const { start, end } = this.token;
    const after = this.#tokens[this.#index + 1];
    const isCall = after?.kind === "symbol" && after.value === "(";
    const [noun, known] = isCall ? ["function", functions] : ["property", properties];
    const name = excerpt(this.#text.slice(start, end));
    return new FilterError(start, `there is no ${noun} '${name}', only ${[...known].join(", ")}`);
  }
}

function alternatives(what: readonly string[]): string {
  const last = what.length - 1;
  return last < 1 ? what.join("") : `${what.slice(0, last).join(", ")} or ${what[last]}`;
}
