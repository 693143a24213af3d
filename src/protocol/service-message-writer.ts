import { MAX_PREFIX, prefixBytes, writePrefix } from "./length-prefix.ts";
import { writeByte, writeInteger, writeString } from "./messagepack-write.ts";

const NIL = 0xc0;
const FIRST_BYTES = 1_024;
const MOST_BYTES_AT_FIRST = 64 * 1024;
/** Bytes that are kept for the length prefix of a message while its length is unknown: enough for up to 16 KiB. */
const USUAL_PREFIX = 2;
const LONGEST_ELEMENT_HEADER = 9;
const LONGEST_TIMESTAMP = 15;

/**
 * Where service messages are written, one behind the other, until they are taken together. Its space is as large as what was
 * taken last, so that a busy connection allocates once for each write to its socket.
 */
export class ServiceMessageWriter {
  readonly #headroom: number;
  #space: Buffer | undefined;
  #end = 0;
  #nextBytes = FIRST_BYTES;

  /** @param headroom bytes left free in front of what is taken, for the header of whatever frames it */
  constructor(headroom = 0) {
    this.#headroom = headroom;
    this.#end = headroom;
  }

  /** Bytes that were written and not taken. */
  get length(): number {
    return this.#end - this.#headroom;
  }

  /**
   * All that was written, which belongs to the caller now; it starts `headroom` bytes into the buffer.
   * There must be something.
   */
  take(): Buffer {
    const taken = this.#reserve(0).subarray(0, this.#end);
    this.#space = undefined;
    this.#nextBytes = Math.min(Math.max(FIRST_BYTES, this.#end), MOST_BYTES_AT_FIRST);
    this.#end = this.#headroom;
    return taken;
  }

  /** One message: its length prefix, and what `write` writes behind it. */
  message(write: () => void): void {
    const start = this.#end;
    this.#reserve(USUAL_PREFIX);
    this.#end += USUAL_PREFIX;
    write();
    const length = this.#end - start - USUAL_PREFIX;
    const prefix = prefixBytes(length);
    if (prefix !== USUAL_PREFIX) {
      this.#reserve(MAX_PREFIX).copyWithin(start + prefix, start + USUAL_PREFIX, this.#end);
      this.#end += prefix - USUAL_PREFIX;
    }
    writePrefix(this.#reserve(0), start, length);
  }

  /**
   * A ConnectionData, the hot path.
   * @param head what `connectionDataHead` made for the connection
   * @param dataType one of `DataType`; 0 is not written
   */
  connectionData(head: Buffer, payload: Buffer, dataType: number): void {
    const tail = dataType === 0 ? 1 : 3;
    const length = head.length + binaryHeaderBytes(payload.length) + payload.length + tail;
    const out = this.#reserve(MAX_PREFIX + length);
    let at = writePrefix(out, this.#end, length);
    out.set(head, at);
    at = writeBinaryHeader(out, at + head.length, payload.length);
    out.set(payload, at);
    at += payload.length;
    if (dataType === 0) out[at] = 0x80;
    else {
      out[at] = 0x81;
      out[at + 1] = 5;
      out[at + 2] = dataType;
    }
    this.#end = at + tail;
  }

  nil(): void {
    this.#byte(NIL);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number of at most 2^53 in size, as short as it can be. */
  integer(value: number): void {
    this.#end = writeInteger(this.#reserve(LONGEST_ELEMENT_HEADER), this.#end, value);
  }

  /** An unsigned integer of 64 bits, as short as it can be. */
  uint64(value: bigint): void {
    if (value <= 0xffff_ffffn) return this.integer(Number(value));
    const out = this.#reserve(LONGEST_ELEMENT_HEADER);
    this.#end = out.writeBigUInt64BE(value, writeByte(out, this.#end, 0xcf));
  }

  /** An integer with four bytes, however small it is. */
  int32(value: number): void {
    const out = this.#reserve(LONGEST_ELEMENT_HEADER);
    this.#end = out.writeInt32BE(value, writeByte(out, this.#end, 0xd2));
  }

  text(value: string): void {
    const out = this.#reserve(LONGEST_ELEMENT_HEADER + 3 * value.length);
    this.#end = writeString(out, this.#end, value);
  }

  binary(value: Buffer): void {
    const out = this.#reserve(LONGEST_ELEMENT_HEADER + value.length);
    const at = writeBinaryHeader(out, this.#end, value.length);
    out.set(value, at);
    this.#end = at + value.length;
  }

  arrayHeader(length: number): void {
    this.#containerHeader(0x90, 0xdc, length);
  }

  mapHeader(length: number): void {
    this.#containerHeader(0x80, 0xde, length);
  }

  /** MessagePack's timestamp of whole milliseconds since the epoch, in the smallest of its three sizes. */
  timestamp(epochMs: number): void {
    const seconds = Math.floor(epochMs / 1_000);
    const nanoseconds = (epochMs - seconds * 1_000) * 1_000_000;
    const out = this.#reserve(LONGEST_TIMESTAMP);
    if (seconds < 0 || seconds >= 2 ** 34) {
      out.set([0xc7, 12, 0xff], this.#end);
      const at = out.writeUInt32BE(nanoseconds, this.#end + 3);
      this.#end = out.writeBigInt64BE(BigInt(seconds), at);
    } else if (nanoseconds > 0 || seconds >= 2 ** 32) {
      out.set([0xd7, 0xff], this.#end);
      const value = (BigInt(nanoseconds) << 34n) | BigInt(seconds);
      this.#end = out.writeBigUInt64BE(value, this.#end + 2);
    } else {
      out.set([0xd6, 0xff], this.#end);
      this.#end = out.writeUInt32BE(seconds, this.#end + 2);
    }
  }

  #containerHeader(fix: number, wide: number, length: number): void {
    const out = this.#reserve(LONGEST_ELEMENT_HEADER);
    if (length < 16) this.#end = writeByte(out, this.#end, fix | length);
    else if (length < 65_536) this.#end = out.writeUInt16BE(length, writeByte(out, this.#end, wide));
    else this.#end = out.writeUInt32BE(length, writeByte(out, this.#end, wide + 1));
  }

  #byte(value: number): void {
    const out = this.#reserve(1);
    out[this.#end++] = value;
  }

  /** The space, with room for so many more bytes. */
  #reserve(bytes: number): Buffer {
    const needed = this.#end + bytes;
    const space = this.#space;
    if (space !== undefined && space.length >= needed) return space;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#nextBytes, 2 * (space?.length ?? 0)));
    space?.copy(larger, 0, 0, this.#end);
    this.#space = larger;
    return larger;
  }
}

function binaryHeaderBytes(length: number): number {
  return length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
}

function writeBinaryHeader(out: Buffer, position: number, length: number): number {
  if (length < 0x100) return writeByte(out, writeByte(out, position, 0xc4), length);
  return length < 0x1_0000
    ? out.writeUInt16BE(length, writeByte(out, position, 0xc5))
    : out.writeUInt32BE(length, writeByte(out, position, 0xc6));
}
