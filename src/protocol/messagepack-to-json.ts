import { MAX_DEPTH } from "./json-scan.ts";

/** The extension type of points in time. */
const TIMESTAMP = -1;

/** What .NET's DateTime can hold: the years 1 to 9999, in seconds since the epoch. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

/** Where the containers of the short headers begin, and their sizes. */
const FIX_MAP = 0x80;
const FIX_ARRAY = 0x90;
const FIX_STRING = 0xa0;
const NEGATIVE = 0xe0;

/** A MessagePack value that JSON cannot express, or one that is broken. Its message says which, and where. */
export class NotJsonError extends Error {
  override readonly name = "NotJsonError";

  constructor(problem: string, position: number) {
    super(`${problem} at byte ${position}`);
  }
}

/**
 * Writes a MessagePack value as JSON text without loss where JSON can say it:
 *
 * - Integers of every width keep all digits. Floats get the fewest digits that a reader of doubles reads as the same
 *   number; float 32 is taken for the double that it is equal to.
 * - Strings keep their text; bytes that are no UTF-8 become U+FFFD.
 * - `bin` becomes a string of base64.
 * - The timestamp extension becomes a string like `2026-11-24T12:00:00.5Z`, with up to nine digits of the second.
 * - Any other extension, and a timestamp outside the years 1 to 9999, becomes `[type, "base64"]`, as in MessagePack-CSharp.
 * - A key that is no string becomes the string of its JSON; members keep their order, one that is there twice too.
 *
 * @param element one value and nothing behind it
 * @throws {NotJsonError} for NaN, infinities, arrays and maps as keys, what is nested deeper than `MAX_DEPTH`, and what is no MessagePack
 */
export function messagePackToJson(element: Buffer): string {
  const transcoder = new Transcoder(element);
  const json = transcoder.value(0);
  transcoder.end();
  return json;
}

class Transcoder {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#error("the end is expected", this.#at);
  }

  value(depth: number): string {
    const start = this.#at;
    const first = this.#unsigned(1);
    if (first < FIX_MAP) return String(first);
    if (first < FIX_ARRAY) return this.#map(first & 0x0f, depth);
    if (first < FIX_STRING) return this.#array(first & 0x0f, depth);
    if (first < 0xc0) return this.#string(first & 0x1f);
    if (first >= NEGATIVE) return String(first - 0x100);
    switch (first) {
      case 0xc0:
        return "null";
      case 0xc2:
        return "false";
      case 0xc3:
        return "true";
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return `"${this.#base64(this.#unsigned(1 << (first - 0xc4)))}"`;
      case 0xc7: // ext 8, 16, 32
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned(1 << (first - 0xc7)));
      case 0xca:
        return this.#float(this.#bytes.readFloatBE(this.#take(4)), start);
      case 0xcb:
        return this.#float(this.#bytes.readDoubleBE(this.#take(8)), start);
      case 0xcc: // uint 8, 16, 32
      case 0xcd:
      case 0xce:
        return String(this.#unsigned(1 << (first - 0xcc)));
      case 0xcf:
        return String(this.#bytes.readBigUInt64BE(this.#take(8)));
      case 0xd0: // int 8, 16, 32
      case 0xd1:
      case 0xd2: {
        const width = 1 << (first - 0xd0);
        return String(this.#bytes.readIntBE(this.#take(width), width));
      }
      case 0xd3:
        return String(this.#bytes.readBigInt64BE(this.#take(8)));
      case 0xd4: // fixext 1 to 16
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (first - 0xd4));
      case 0xd9: // str 8, 16, 32
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned(1 << (first - 0xd9)));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#array(this.#unsigned(first === 0xdc ? 2 : 4), depth);
      case 0xde: // map 16, 32
      case 0xdf:
        return this.#map(this.#unsigned(first === 0xde ? 2 : 4), depth);
      default: // 0xc1 is never used
        throw this.#error(`unexpected byte 0x${first.toString(16)}`, start);
    }
  }

  #array(count: number, depth: number): string {
    this.#enter(depth);
    let json = "[";
    for (let index = 0; index < count; index++) json += (index === 0 ? "" : ",") + this.value(depth + 1);
    return `${json}]`;
  }

  #map(count: number, depth: number): string {
    this.#enter(depth);
    let json = "{";
    for (let index = 0; index < count; index++)
      json += `${index === 0 ? "" : ","}${this.#key()}:${this.value(depth + 1)}`;
    return `${json}}`;
  }

  #enter(depth: number): void {
    if (depth === MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH} levels`, this.#at - 1);
  }

  /** Containers are refused: each level of them within a key would double the escapes of those below. */
  #key(): string {
    const start = this.#at;
    const first = this.#bytes[start] ?? 0;
    const isContainer = (first >= FIX_MAP && first < FIX_STRING) || (first >= 0xdc && first <= 0xdf);
    if (isContainer) throw this.#error("an array or a map cannot be a key", start);
    const json = this.value(0);
    return json.startsWith('"') ? json : JSON.stringify(json);
  }

  #string(length: number): string {
    const start = this.#take(length);
    return JSON.stringify(this.#bytes.toString("utf8", start, this.#at));
  }

  #base64(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString("base64", start, this.#at);
  }

  #float(value: number, start: number): string {
    if (!Number.isFinite(value)) throw this.#error(`${value} is no number in JSON`, start);
    return Object.is(value, -0) ? "-0" : String(value);
  }

  #extension(length: number): string {
    const type = this.#bytes.readInt8(this.#take(1));
    const start = this.#take(length);
    const time = type === TIMESTAMP ? timestamp(this.#bytes.subarray(start, this.#at)) : undefined;
    return time ?? `[${type},"${this.#bytes.toString("base64", start, this.#at)}"]`;
  }

  #unsigned(width: number): number {
    return this.#bytes.readUIntBE(this.#take(width), width);
  }

  /** Goes over so many bytes, and returns where they start. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start)
      throw this.#error("the value ends too early", this.#bytes.length);
    this.#at = start + length;
    return start;
  }

  #error(problem: string, position: number): NotJsonError {
    return new NotJsonError(problem, position);
  }
}

/** The content of a timestamp extension; `undefined` for one that is none, or has no usual date. */
function timestamp(content: Buffer): string | undefined {
  const parts = timestampParts(content);
  if (parts === undefined) return undefined;
  const { seconds, nanoseconds } = parts;
  if (!(seconds >= FIRST_SECOND && seconds <= LAST_SECOND && nanoseconds < 1e9)) return undefined;
  const date = new Date(seconds * 1000).toISOString().slice(0, -".000Z".length);
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `"${date}Z"` : `"${date}.${fraction}Z"`;
}

/** https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type */
function timestampParts(content: Buffer): { seconds: number; nanoseconds: number } | undefined {
  switch (content.length) {
    case 4:
      return { seconds: content.readUInt32BE(), nanoseconds: 0 };
    case 8: {
      const high = content.readUInt32BE();
      return { seconds: (high & 3) * 2 ** 32 + content.readUInt32BE(4), nanoseconds: high >>> 2 };
    }
    case 12:
      return { seconds: Number(content.readBigInt64BE(4)), nanoseconds: content.readUInt32BE() };
    default:
      return undefined;
  }
}
