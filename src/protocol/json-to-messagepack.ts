import {
  byteAt,
  JsonSyntaxError,
  MAX_DEPTH,
  skipLiteral,
  skipNumber,
  skipString,
  skipWhitespace,
  unexpected,
} from "./json-scan.ts";
import { unescape } from "./json-string.ts";
import { writeByte, writeInteger, writeStringHeader } from "./messagepack-write.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Digits of 2^64, and of -2^63 with its sign: what is longer is no 64-bit integer. */
const LONGEST_INTEGER = 20;

/** Exact as doubles, so that dividing exact digits by one rounds once: to the nearest double (Clinger's fast path). */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** Up to so many bytes a loop copies faster than a call. */
const SHORT = 32;

/** The most bytes that so many bytes of JSON become: `1.5` and its comma grow from 4 to 9. */
export function messagePackBound(jsonBytes: number): number {
  return Math.ceil(jsonBytes * 2.25) + 8;
}

/**
 * The containers that are open: index of the header, elements so far (of a map keys and values), closing byte.
 * Scratch of `Transcoder`, which calls nobody while it runs.
 */
const headers = new Uint32Array(MAX_DEPTH);
const counts = new Uint32Array(MAX_DEPTH);
const closers = new Uint8Array(MAX_DEPTH);

/**
 * Writes JSON as MessagePack without making values of it.
 *
 * - Whole numbers stay exact in the range of int64 and uint64, in their smallest form; all others become float 64,
 *   which is what they are to a reader of JSON that knows doubles only.
 * - Strings become UTF-8; half a surrogate pair becomes U+FFFD.
 * - Maps keep every member in its order, one that is there twice too.
 *
 * @param json one value, valid UTF-8
 * @param out has room for `messagePackBound(json.length)` bytes from `position` on
 * @returns the index in `out` after what was written
 * @throws {JsonSyntaxError} when it is not JSON, or nested deeper than `MAX_DEPTH`
 */
export function jsonToMessagePack(json: Buffer, out: Buffer, position: number): number {
  return new Transcoder(json, out, position).run();
}

class Transcoder {
  readonly #json: Buffer;
  readonly #end: number;
  readonly #out: Buffer;
  #from: number;
  #to: number;
  #depth = 0;
  /** Index of the next backslash, as far as it was looked for. */
  #backslash = -1;

  constructor(json: Buffer, out: Buffer, position: number) {
    this.#json = json;
    this.#end = json.length;
    this.#out = out;
    this.#from = skipWhitespace(json, 0, json.length);
    this.#to = position;
  }

  run(): number {
    do {
      const first = byteAt(this.#json, this.#from, this.#end);
      if (first === QUOTE) this.#string();
      else if (this.#keyIsDue()) throw unexpected(this.#json, this.#from, this.#end);
      else if (first === OPEN_BRACKET || first === OPEN_BRACE) {
        if (this.#opened(first)) continue;
      } else if (first === MINUS || (first >= ZERO && first <= NINE)) this.#number();
      else this.#literal(first);
      this.#ended();
    } while (this.#depth > 0);
    this.#from = skipWhitespace(this.#json, this.#from, this.#end);
    if (this.#from !== this.#end) throw unexpected(this.#json, this.#from, this.#end);
    return this.#to;
  }

  #keyIsDue(): boolean {
    const top = this.#depth - 1;
    return top >= 0 && closers[top] === CLOSE_BRACE && ((counts[top] as number) & 1) === 0;
  }

  /** Goes into a container, or over an empty one, which it answers with `false`. */
  #opened(first: number): boolean {
    const depth = this.#depth;
    if (depth === MAX_DEPTH) throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, this.#from);
    const closer = first + 2; // in ASCII, ] is two after [, and } after {
    this.#from = skipWhitespace(this.#json, this.#from + 1, this.#end);
    if (this.#json[this.#from] === closer) {
      this.#from++;
      this.#out[this.#to++] = closer === CLOSE_BRACE ? 0x80 : 0x90;
      return false;
    }
    headers[depth] = this.#to++;
    counts[depth] = 0;
    closers[depth] = closer;
    this.#depth = depth + 1;
    return true;
  }

  /** An element was written: counts it, closes what ends with it and goes to the next element. */
  #ended(): void {
    while (this.#depth > 0) {
      const top = this.#depth - 1;
      const count = (counts[top] as number) + 1;
      const closer = closers[top] as number;
      counts[top] = count;
      this.#from = skipWhitespace(this.#json, this.#from, this.#end);
      const next = byteAt(this.#json, this.#from, this.#end);
      const due = closer === CLOSE_BRACE && (count & 1) === 1 ? COLON : COMMA;
      if (next === due) {
        this.#from = skipWhitespace(this.#json, this.#from + 1, this.#end);
        return;
      }
      if (next !== closer || due === COLON) throw unexpected(this.#json, this.#from, this.#end);
      this.#from++;
      this.#close(top, count);
    }
  }

  /** Fills in a container's header: one byte was left for it, so that long contents must move. */
  #close(top: number, elements: number): void {
    const out = this.#out;
    const at = headers[top] as number;
    const isMap = closers[top] === CLOSE_BRACE;
    const count = isMap ? elements / 2 : elements;
    this.#depth = top;
    if (count < 0x10) {
      out[at] = (isMap ? 0x80 : 0x90) | count;
      return;
    }
    const width = count <= 0xffff ? 2 : 4;
    out.copyWithin(at + 1 + width, at + 1, this.#to);
    out[at] = (isMap ? 0xde : 0xdc) + (width === 2 ? 0 : 1);
    out.writeUIntBE(count, at + 1, width);
    this.#to += width;
  }

  #literal(first: number): void {
    this.#from = skipLiteral(this.#json, this.#from, this.#end);
    this.#out[this.#to++] = first === 0x6e /* n */ ? 0xc0 : first === 0x74 /* t */ ? 0xc3 : 0xc2;
  }

  #string(): void {
    const start = this.#from + 1;
    this.#from = skipString(this.#json, start, this.#end);
    const end = this.#from - 1;
    if (this.#hasEscape(start, end)) return this.#escapedString(start, end);
    const at = writeStringHeader(this.#out, this.#to, end - start);
    this.#to = at + end - start;
    if (end - start > SHORT) this.#json.copy(this.#out, at, start, end);
    else
      for (let index = start, to = at; index < end; index++, to++)
        this.#out[to] = this.#json[index] as number;
  }

  /** Looks ahead for the next backslash only when it is behind the one that it knows: all of JSON is searched once. */
  #hasEscape(start: number, end: number): boolean {
    if (this.#backslash < start) {
      const next = this.#json.indexOf(BACKSLASH, start);
      this.#backslash = next < 0 ? this.#end : next;
    }
    return this.#backslash < end;
  }

  /** Leaves room for the longest header it may need, then moves up what was unescaped. */
  #escapedString(start: number, end: number): void {
    const room = this.#to + 5;
    const stop = unescape(this.#json, { start, end }, this.#out, room);
    const at = writeStringHeader(this.#out, this.#to, stop - room);
    this.#out.copyWithin(at, room, stop);
    this.#to = at + stop - room;
  }

  #number(): void {
    const json = this.#json;
    const start = this.#from;
    const end = skipNumber(json, start, this.#end);
    this.#from = end;
    const negative = json[start] === MINUS;
    let digits = 0;
    let fraction = -1; // how many of the digits are behind the point; -1 without one
    let at = negative ? start + 1 : start;
    for (; at < end; at++) {
      const byte = json[at] as number;
      if (byte === POINT) fraction = 0;
      else if (byte > NINE) break;
      else {
        digits = digits * 10 + (byte - ZERO);
        if (fraction >= 0) fraction++;
      }
    }
    if (at < end || digits > Number.MAX_SAFE_INTEGER || fraction >= POWERS_OF_TEN.length) {
      const text = json.toString("latin1", start, end);
      if (at === end && fraction < 0) this.#longInteger(text);
      else this.#float(Number(text));
    } else if (fraction < 0) this.#to = writeInteger(this.#out, this.#to, negative ? -digits : digits);
    else this.#float((negative ? -digits : digits) / (POWERS_OF_TEN[fraction] as number));
  }

  #longInteger(text: string): void {
    const value = text.length <= LONGEST_INTEGER ? BigInt(text) : undefined;
    if (value === undefined || value < -(2n ** 63n) || value >= 2n ** 64n) this.#float(Number(text));
    else if (value < 0n) this.#to = this.#out.writeBigInt64BE(value, writeByte(this.#out, this.#to, 0xd3));
    else this.#to = this.#out.writeBigUInt64BE(value, writeByte(this.#out, this.#to, 0xcf));
  }

  #float(value: number): void {
    this.#to = this.#out.writeDoubleBE(value, writeByte(this.#out, this.#to, 0xcb));
  }
}
