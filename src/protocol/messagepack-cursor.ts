import { MAX_DEPTH } from "./json-scan.ts";

/** How many elements the containers around the present one still miss; scratch of `skip`, which calls nobody meanwhile. */
const missing = new Uint32Array(MAX_DEPTH);

/** The last millisecond that a `Date` can be. */
const LAST_DATE_MS = 8.64e15;

/**
 * Reads and skips MessagePack elements in an extent of a buffer, by their headers; never reads outside the extent.
 * A read answers `undefined` (`skip`: `false`) where the element is of another type or does not fit, and the cursor
 * is of no more use then.
 * Layout: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MessagePackCursor {
  /** Index of the next element. */
  position: number;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.position = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.position === this.#end;
  }

  /** The header of an array: its count of elements. */
  arrayLength(): number | undefined {
    const first = this.#first();
    if (first >> 4 === 0x9) return first & 0x0f;
    return first === 0xdc || first === 0xdd ? this.#unsigned(first === 0xdc ? 2 : 4) : undefined;
  }

  /** The header of a map: its count of pairs. */
  mapLength(): number | undefined {
    const first = this.#first();
    if (first >> 4 === 0x8) return first & 0x0f;
    return first === 0xde || first === 0xdf ? this.#unsigned(first === 0xde ? 2 : 4) : undefined;
  }

  /** An integer of any width; not exact beyond 2^53. */
  integer(): number | undefined {
    const first = this.#first();
    if (first < 0) return undefined;
    if (first < 0x80) return first;
    if (first >= 0xe0) return first - 0x100;
    if (first >= 0xcc && first <= 0xcf) return this.#unsigned(1 << (first - 0xcc));
    return first >= 0xd0 && first <= 0xd3 ? this.#signed(1 << (first - 0xd0)) : undefined;
  }

  boolean(): boolean | undefined {
    const first = this.#first();
    return first === 0xc2 || first === 0xc3 ? first === 0xc3 : undefined;
  }

  /** A string, or `null` for nil. Bytes that are not UTF-8 become U+FFFD. */
  text(): string | null | undefined {
    const first = this.#first();
    if (first === 0xc0) return null;
    if (first >> 5 === 0x5) return this.#text(first & 0x1f);
    return first >= 0xd9 && first <= 0xdb ? this.#text(this.#unsigned(1 << (first - 0xd9))) : undefined;
  }

  /** Goes over a nil, if that is next. */
  takeNil(): boolean {
    const isNil = this.position < this.#end && this.#bytes[this.position] === 0xc0;
    if (isNil) this.position++;
    return isNil;
  }

  /** An integer of any width, all of its digits. */
  bigInteger(): bigint | undefined {
    const start = this.position;
    const first = this.#first();
    if (first === 0xcf || first === 0xd3) {
      const at = this.#content(8);
      if (at < 0) return undefined;
      return first === 0xcf ? this.#bytes.readBigUInt64BE(at) : this.#bytes.readBigInt64BE(at);
    }
    this.position = start;
    const value = this.integer();
    return value === undefined ? undefined : BigInt(value);
  }

  /** A timestamp, extension type -1 in its three sizes, in whole milliseconds since the epoch; no more than a `Date` can be. */
  timestampMs(): number | undefined {
    const first = this.#first();
    const length = first === 0xd6 ? 4 : first === 0xd7 ? 8 : first === 0xc7 ? this.#unsigned(1) : undefined;
    if (this.#signed(1) !== -1) return undefined;
    const at = this.#content(length);
    if (at < 0) return undefined;
    if (length === 4) return this.#bytes.readUInt32BE(at) * 1_000;
    if (length === 8) {
      const value = this.#bytes.readBigUInt64BE(at);
      return Number(value & 0x3_ffff_ffffn) * 1_000 + Math.floor(Number(value >> 34n) / 1e6);
    }
    if (length !== 12) return undefined;
    const seconds = Number(this.#bytes.readBigInt64BE(at + 4));
    const epochMs = seconds * 1_000 + Math.floor(this.#bytes.readUInt32BE(at) / 1e6);
    return Math.abs(epochMs) <= LAST_DATE_MS ? epochMs : undefined;
  }

  /** The content of a `bin`, as a view. */
  binary(): Buffer | undefined {
    const first = this.#first();
    if (first < 0xc4 || first > 0xc6) return undefined;
    const start = this.#content(this.#unsigned(1 << (first - 0xc4)));
    return start < 0 ? undefined : this.#bytes.subarray(start, this.position);
  }

  /** Goes over one element with all that is in it, checking that it is whole and nested at most `MAX_DEPTH` deep. */
  skip(): boolean {
    let depth = 0;
    let left = 1;
    for (;;) {
      const elements = this.#skipHeader();
      if (elements < 0) return false;
      left--;
      if (elements > 0) {
        // An element takes at least a byte, so that no count beyond the extent is believed.
        if (depth === MAX_DEPTH || elements > this.#end - this.position) return false;
        missing[depth++] = left;
        left = elements;
      }
      while (left === 0) {
        if (depth === 0) return true;
        left = missing[--depth] as number;
      }
    }
  }

  /** Goes over a scalar, or the header of a container; returns the count of elements in that, -1 if it is broken. */
  #skipHeader(): number {
    const first = this.#first();
    if (first < 0) return -1;
    if (first < 0x80 || first >= 0xe0) return 0;
    if (first < 0x90) return (first & 0x0f) * 2;
    if (first < 0xa0) return first & 0x0f;
    if (first < 0xc0) return this.#skipContent(first & 0x1f);
    switch (first) {
      case 0xc0: // nil, false, true
      case 0xc2:
      case 0xc3:
        return 0;
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return this.#skipContent(this.#unsigned(1 << (first - 0xc4)));
      case 0xc7: // ext 8, 16, 32: with a byte for the type
      case 0xc8:
      case 0xc9:
        return this.#skipContent((this.#unsigned(1 << (first - 0xc7)) ?? Number.NaN) + 1);
      case 0xca: // float 32, 64
      case 0xcb:
        return this.#skipContent(first === 0xca ? 4 : 8);
      case 0xcc: // uint 8 to 64
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#skipContent(1 << (first - 0xcc));
      case 0xd0: // int 8 to 64
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.#skipContent(1 << (first - 0xd0));
      case 0xd4: // fixext 1 to 16, with a byte for the type
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#skipContent(1 + (1 << (first - 0xd4)));
      case 0xd9: // str 8, 16, 32
      case 0xda:
      case 0xdb:
        return this.#skipContent(this.#unsigned(1 << (first - 0xd9)));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#unsigned(first === 0xdc ? 2 : 4) ?? -1;
      case 0xde: // map 16, 32
      case 0xdf:
        return (this.#unsigned(first === 0xde ? 2 : 4) ?? -0.5) * 2;
      default: // 0xc1 is never used
        return -1;
    }
  }

  #skipContent(length: number | undefined): number {
    return this.#content(length) < 0 ? -1 : 0;
  }

  /** The byte that an element begins with, or -1 at the end. */
  #first(): number {
    return this.position < this.#end ? (this.#bytes[this.position++] as number) : -1;
  }

  /** Goes over so many bytes; returns where they start, or -1 if they are not all there. */
  #content(length: number | undefined): number {
    const start = this.position;
    if (length === undefined || !(length <= this.#end - start)) return -1;
    this.position = start + length;
    return start;
  }

  #text(length: number | undefined): string | undefined {
    const start = this.#content(length);
    return start < 0 ? undefined : this.#bytes.toString("utf8", start, this.position);
  }

  #unsigned(width: number): number | undefined {
    const start = this.#content(width);
    if (start < 0) return undefined;
    let value = 0;
    for (let at = start; at < start + width; at++) value = value * 0x100 + (this.#bytes[at] as number);
    return value;
  }

  #signed(width: number): number | undefined {
    const start = this.#content(width);
    if (start < 0) return undefined;
    if (width < 8) return this.#bytes.readIntBE(start, width);
    return this.#bytes.readInt32BE(start) * 2 ** 32 + this.#bytes.readUInt32BE(start + 4);
  }
}
