import { excerpt, FilterError } from "./filter-error.ts";

/** A word of a filter. `value` is what it means: names in lower case, strings without quotes and escapes. */
export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: "name" | "string" | "symbol" | "end"; readonly value: string }
  | { readonly kind: "integer"; readonly value: number }
);

/** What to write instead of characters that mean something in other languages. */
const INSTEAD: Readonly<Record<string, string>> = {
  "=": "'eq'",
  "!": "'ne' or 'not'",
  "<": "'lt' or 'le'",
  ">": "'gt' or 'ge'",
  "&": "'and'",
  "|": "'or'",
  '"': "strings in single quotes",
};

/**
 * The words of a filter; the last one is always the `end`.
 * @throws {FilterError} where no word can begin, or one is not whole
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(text.charCodeAt(at))) at++;
    const token = tokenAt(text, at);
    tokens.push(token);
    if (token.kind === "end") return tokens;
    at = token.end;
  }
}

function tokenAt(text: string, start: number): Token {
  const first = text.charAt(start);
  switch (first) {
    case "":
      return { kind: "end", value: "", start, end: start };
    case "(":
    case ")":
    case ",":
      return { kind: "symbol", value: first, start, end: start + 1 };
    case "'":
      return stringAt(text, start);
  }
  const code = text.charCodeAt(start);
  const isSign = first === "+" || first === "-";
  if (isDigit(isSign ? text.charCodeAt(start + 1) : code)) return integerAt(text, start);
  if (!isNamePart(code)) throw strangeCharacter(text, start);
  const end = endOfName(text, start);
  return { kind: "name", value: text.slice(start, end).toLowerCase(), start, end };
}

function stringAt(text: string, start: number): Token {
  let quote = text.indexOf("'", start + 1);
  while (quote >= 0 && text.charAt(quote + 1) === "'") quote = text.indexOf("'", quote + 2);
  if (quote < 0)
    throw new FilterError(start, "the string that begins here has no closing quote; a quote within is ''");
  return {
    kind: "string",
    value: text.slice(start + 1, quote).replaceAll("''", "'"),
    start,
    end: quote + 1,
  };
}

function integerAt(text: string, start: number): Token {
  let end = start + 1;
  while (isDigit(text.charCodeAt(end))) end++;
  const wordEnd = text.charAt(end) === "." ? endOfName(text, end + 1) : endOfName(text, end);
  const word = text.slice(start, wordEnd);
  if (wordEnd > end) throw new FilterError(start, `expected a whole number, but found '${excerpt(word)}'`);
  const value = Number(word);
  if (!Number.isSafeInteger(value))
    throw new FilterError(start, `the number ${excerpt(word)} is beyond ±${Number.MAX_SAFE_INTEGER}`);
  return { kind: "integer", value, start, end };
}

function strangeCharacter(text: string, position: number): FilterError {
  const code = text.codePointAt(position) ?? 0;
  const character = String.fromCodePoint(code);
  const instead = INSTEAD[character];
  return new FilterError(
    position,
    instead === undefined
      ? `the character '${excerpt(character)}' (U+${code.toString(16).toUpperCase().padStart(4, "0")}) can stand only in a string`
      : `the character '${character}' can stand only in a string; write ${instead}`,
  );
}

function endOfName(text: string, position: number): number {
  let at = position;
  while (isNamePart(text.charCodeAt(at))) at++;
  return at;
}

// Behind the end of the text char codes are NaN, which is none of these.

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isNamePart(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || code === 0x5f || isDigit(code);
}
