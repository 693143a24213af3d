import { byteAt, skipString, skipValue, skipWhitespace, unexpected } from "./json-scan.ts";
import { readString } from "./json-string.ts";

const BACKSLASH = 0x5c;

/** What a JSON value is, by the names that ASP.NET's error texts use. */
export type JsonKind = "Object" | "Array" | "String" | "Number" | "True" | "False" | "Null";

/** The kind of the valid JSON value whose first byte is at `position`. */
export function jsonKind(json: Buffer, position: number): JsonKind {
  switch (json[position] as number) {
    case 0x7b:
      return "Object";
    case 0x5b:
      return "Array";
    case 0x22:
      return "String";
    case 0x74:
      return "True";
    case 0x66:
      return "False";
    case 0x6e:
      return "Null";
    default:
      return "Number";
  }
}

/** The value of a valid JSON number; `undefined` where it has a fraction or an exponent. Not exact beyond 2^53. */
export function readInteger(json: Buffer, start: number, end: number): number | undefined {
  const negative = json[start] === 0x2d;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const digit = (json[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Keys that a reader looks for, compared exactly; found without making a string. */
export class JsonKeys<Name extends string> {
  readonly #ofLength: { name: Name; bytes: Buffer }[][] = [];

  constructor(...names: Name[]) {
    for (const name of names) {
      const bytes = Buffer.from(name);
      while (this.#ofLength.length <= bytes.length) this.#ofLength.push([]);
      this.#ofLength[bytes.length]?.push({ name, bytes });
    }
  }

  /** The key that stands in `json` from its opening quote at `start`, if it is one of these. */
  find(json: Buffer, start: number, end: number): Name | undefined {
    const candidates = this.#ofLength[end - start - 2];
    if (candidates !== undefined) {
      for (let index = 0; index < candidates.length; index++) {
        const candidate = candidates[index];
        if (candidate !== undefined && equals(json, start + 1, candidate.bytes)) return candidate.name;
      }
    }
    for (let at = start + 1; at < end - 1; at++) {
      if (json[at] === BACKSLASH) return this.#named(readString(json, start, end));
    }
    return undefined;
  }

  #named(key: string): Name | undefined {
    return this.#ofLength[key.length]?.find(({ name }) => name === key)?.name;
  }
}

function equals(json: Buffer, position: number, bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (json[position + index] !== bytes[index]) return false;
  }
  return true;
}

/**
 * Walks over the members of one JSON object, checking all of it on the way: what stands in an extent that was
 * walked to its end is valid JSON, from `start` to `end`, with white space at most around the object.
 * Between two calls of `next` the extents below are those of one member.
 */
export class JsonMembers {
  /** Index of the key's opening quote. */
  keyStart = 0;
  /** Index after the key's closing quote. */
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  readonly #json: Buffer;
  readonly #end: number;
  #at: number;
  #first = true;

  /** @throws {JsonSyntaxError} when no object begins here. */
  constructor(json: Buffer, start: number, end: number) {
    const open = skipWhitespace(json, start, end);
    if (byteAt(json, open, end) !== 0x7b) throw unexpected(json, open, end);
    this.#json = json;
    this.#end = end;
    this.#at = open + 1;
  }

  /**
   * Goes to the next member; `false` after the last.
   * @throws {JsonSyntaxError}
   */
  next(): boolean {
    const json = this.#json;
    const end = this.#end;
    let at = skipWhitespace(json, this.#at, end);
    const byte = byteAt(json, at, end);
    if (byte === 0x7d) {
      at = skipWhitespace(json, at + 1, end);
      if (at !== end) throw unexpected(json, at, end);
      return false;
    }
    if (this.#first) this.#first = false;
    else {
      if (byte !== 0x2c) throw unexpected(json, at, end);
      at = skipWhitespace(json, at + 1, end);
    }
    if (byteAt(json, at, end) !== 0x22) throw unexpected(json, at, end);
    this.keyStart = at;
    this.keyEnd = skipString(json, at + 1, end);
    at = skipWhitespace(json, this.keyEnd, end);
    if (byteAt(json, at, end) !== 0x3a) throw unexpected(json, at, end);
    this.valueStart = skipWhitespace(json, at + 1, end);
    this.valueEnd = skipValue(json, this.valueStart, end);
    this.#at = this.valueEnd;
    return true;
  }
}
