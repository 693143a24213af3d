import { messageTooLarge, ProtocolError } from "./protocol-error.ts";

/*
 * The length prefix of binary messages, the same in hub protocol `messagepack` and in the service protocol:
 * 7 bits a byte, the lowest first, the high bit says that more follow. docs/spec/client-endpoint.md §3.1.
 */

/** Bytes of the longest length prefix. */
export const MAX_PREFIX = 5;

/**
 * The index after a length prefix, or -1 while it is incomplete.
 * @throws {ProtocolError} for a length of 2 GiB or more
 */
export function contentStart(buffer: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number;
    if (at === start + MAX_PREFIX - 1 && byte > 7) {
      throw new ProtocolError("FormatException: Messages over 2GB in size are not supported.");
    }
    if (byte < 0x80) return at + 1;
  }
  return -1;
}

/**
 * The index after the message that starts at `start`, or -1 while it is incomplete.
 * @throws {ProtocolError} when the message, with its prefix, is larger than `maxBytes`
 */
export function prefixedEnd(buffer: Buffer, start: number, maxBytes: number): number {
  const content = contentStart(buffer, start, buffer.length);
  if (content < 0) return -1;
  let length = 0;
  for (let at = content - 1; at >= start; at--) length = length * 0x80 + ((buffer[at] as number) & 0x7f);
  const end = content + length;
  if (end - start > maxBytes) throw messageTooLarge(maxBytes);
  return end <= buffer.length ? end : -1;
}

/** Bytes of the prefix of a message of so many bytes. */
export function prefixBytes(length: number): number {
  let bytes = 1;
  for (let left = length; left >= 0x80; left = Math.floor(left / 0x80)) bytes++;
  return bytes;
}

/** Writes a prefix; returns the index after it. */
export function writePrefix(out: Buffer, position: number, length: number): number {
  let at = position;
  let left = length;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) out[at++] = (left & 0x7f) | 0x80;
  out[at++] = left;
  return at;
}
