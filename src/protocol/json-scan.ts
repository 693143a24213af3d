/**
 * How deep arrays and objects may be nested: bounds what a peer can make us, and those we pass its bytes on to, keep.
 * Serializers write and read at most 64 levels unless told otherwise.
 */
export const MAX_DEPTH = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Bytes that are not JSON (RFC 8259), or JSON that is nested too deep. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  /** Index in the buffer of the byte that cannot be there; where the text ends too early, the index after it. */
  readonly position: number;

  constructor(problem: string, position: number) {
    super(`${problem} at byte ${position}`);
    this.position = position;
  }
}

/** The byte at `position`, or -1 from `end` on: no scan ever sees what lies behind its extent. */
export function byteAt(json: Buffer, position: number, end: number): number {
  return position < end ? (json[position] as number) : -1;
}

/** What is wrong where no JSON can have the byte at `position`. */
export function unexpected(json: Buffer, position: number, end: number): JsonSyntaxError {
  if (position >= end) return new JsonSyntaxError("the text ends too early", end);
  const hex = byteAt(json, position, end).toString(16).padStart(2, "0");
  return new JsonSyntaxError(`unexpected byte 0x${hex}`, position);
}

/** The index of the first byte from `position` on that is not white space. */
export function skipWhitespace(json: Buffer, position: number, end: number): number {
  let at = position;
  for (; at < end; at++) {
    const byte = json[at] as number;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
  }
  return at;
}

/**
 * Checks the string whose opening quote is before `position`; returns the index after its closing quote.
 * @throws {JsonSyntaxError}
 */
export function skipString(json: Buffer, position: number, end: number): number {
  const long = position + 24;
  let at = position;
  while (at < end) {
    const byte = json[at++] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at = skipEscape(json, at, end);
    else if (byte < 0x20) throw unexpected(json, at - 1, end);
    if (at >= long) return skipLongString(json, at, end);
  }
  throw unexpected(json, end, end);
}

/** 1 for what is not simply a part of the string that it stands in: quote, backslash and control characters. */
const SPECIAL = new Uint8Array(256).fill(1, 0, 0x20);
SPECIAL[QUOTE] = 1;
SPECIAL[BACKSLASH] = 1;

/** Looks at four bytes at once: twice as fast where strings are long, slower where they are short. */
function skipLongString(json: Buffer, position: number, end: number): number {
  let at = position;
  for (;;) {
    while (
      at < end - 3 &&
      ((SPECIAL[json[at] as number] as number) |
        (SPECIAL[json[at + 1] as number] as number) |
        (SPECIAL[json[at + 2] as number] as number) |
        (SPECIAL[json[at + 3] as number] as number)) ===
        0
    ) {
      at += 4;
    }
    const byte = byteAt(json, at, end);
    at++;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at = skipEscape(json, at, end);
    else if (byte < 0x20) throw unexpected(json, at - 1, end);
  }
}

/** `position` is after the backslash. */
function skipEscape(json: Buffer, position: number, end: number): number {
  switch (byteAt(json, position, end)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return position + 1;
    case 0x75: // u
      for (let at = position + 1; at < position + 5; at++) {
        const byte = byteAt(json, at, end);
        const letter = byte | 0x20;
        if (!isDigit(byte) && !(letter >= 0x61 && letter <= 0x66)) throw unexpected(json, at, end);
      }
      return position + 5;
    default:
      throw unexpected(json, position, end);
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function skipDigits(json: Buffer, position: number, end: number): number {
  let at = position;
  while (isDigit(byteAt(json, at, end))) at++;
  if (at === position) throw unexpected(json, at, end);
  return at;
}

/**
 * Checks the number at `position`; returns the index after it.
 * @throws {JsonSyntaxError}
 */
export function skipNumber(json: Buffer, position: number, end: number): number {
  let at = byteAt(json, position, end) === MINUS ? position + 1 : position;
  at = byteAt(json, at, end) === ZERO ? at + 1 : skipDigits(json, at, end);
  if (byteAt(json, at, end) === 0x2e /* . */) at = skipDigits(json, at + 1, end);
  if ((byteAt(json, at, end) | 0x20) === 0x65 /* e */) {
    const sign = byteAt(json, at + 1, end);
    at = skipDigits(json, sign === MINUS || sign === 0x2b /* + */ ? at + 2 : at + 1, end);
  }
  return at;
}

const LITERALS = [Buffer.from("true"), Buffer.from("false"), Buffer.from("null")];

/**
 * Checks the `true`, `false` or `null` at `position`; returns the index after it.
 * @throws {JsonSyntaxError} also where any other value that cannot begin with this byte is.
 */
export function skipLiteral(json: Buffer, position: number, end: number): number {
  const first = byteAt(json, position, end);
  for (const literal of LITERALS) {
    if (literal[0] !== first) continue;
    for (let index = 1; index < literal.length; index++) {
      if (byteAt(json, position + index, end) !== literal[index])
        throw unexpected(json, position + index, end);
    }
    return position + literal.length;
  }
  throw unexpected(json, position, end);
}

/** Checks the key and the colon at `position`; returns the index of the value. */
function skipKey(json: Buffer, position: number, end: number): number {
  if (byteAt(json, position, end) !== QUOTE) throw unexpected(json, position, end);
  const colon = skipWhitespace(json, skipString(json, position + 1, end), end);
  if (byteAt(json, colon, end) !== COLON) throw unexpected(json, colon, end);
  return skipWhitespace(json, colon + 1, end);
}

/** Closing bytes of the containers that are open; scratch of `skipValue`, which calls nobody while it uses it. */
const closers = new Uint8Array(MAX_DEPTH);

/**
 * Checks the value whose first byte is at `position`, with all that is in it; returns the index after it.
 * @throws {JsonSyntaxError}
 */
export function skipValue(json: Buffer, position: number, end: number): number {
  let at = position;
  let depth = 0;
  for (;;) {
    const byte = byteAt(json, at, end);
    if (byte === QUOTE) at = skipString(json, at + 1, end);
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (depth === MAX_DEPTH) throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, at);
      const closer = byte + 2; // in ASCII, ] is two after [, and } after {
      at = skipWhitespace(json, at + 1, end);
      if (byteAt(json, at, end) !== closer) {
        closers[depth++] = closer;
        if (byte === OPEN_BRACE) at = skipKey(json, at, end);
        continue;
      }
      at++;
    } else if (byte === MINUS || isDigit(byte)) at = skipNumber(json, at, end);
    else at = skipLiteral(json, at, end);

    while (depth > 0) {
      at = skipWhitespace(json, at, end);
      const next = byteAt(json, at, end);
      const closer = closers[depth - 1];
      if (next === COMMA) {
        at = skipWhitespace(json, at + 1, end);
        if (closer === CLOSE_BRACE) at = skipKey(json, at, end);
        break;
      }
      if (next !== closer) throw unexpected(json, at, end);
      at++;
      depth--;
    }
    if (depth === 0) return at;
  }
}
