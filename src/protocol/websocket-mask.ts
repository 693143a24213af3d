const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** From about here on, a view of words costs less than it saves. */
const MIN_BYTES_FOR_WORDS = 128;

/**
 * Applies a mask to bytes `start` until `end` in place, RFC 6455 §5.3.
 * @param mask the byte of the mask for the first of them in its lowest eight bits, the following ones above it
 */
export function unmask(bytes: Buffer, start: number, end: number, mask: number): void {
  if (IS_LITTLE_ENDIAN && end - start >= MIN_BYTES_FOR_WORDS) unmaskByWords(bytes, start, end, mask);
  else unmaskByBytes(bytes, start, end, mask);
}

/** The mask as it applies `count` bytes further on. */
export function rotateMask(mask: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

function unmaskByWords(bytes: Buffer, start: number, end: number, mask: number): void {
  const first = start + (-(bytes.byteOffset + start) & 3);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
  const wordMask = rotateMask(mask, first - start);
  for (let at = 0; at < words.length; at++) (words[at] as number) ^= wordMask;
  unmaskByBytes(bytes, start, first, mask);
  unmaskByBytes(bytes, first + (words.length << 2), end, wordMask);
}

function unmaskByBytes(bytes: Buffer, start: number, end: number, mask: number): void {
  const mask0 = mask & 0xff;
  const mask1 = (mask >>> 8) & 0xff;
  const mask2 = (mask >>> 16) & 0xff;
  const mask3 = mask >>> 24;
  const wholeEnd = end - ((end - start) & 3);
  for (let at = start; at < wholeEnd; at += 4) {
    (bytes[at] as number) ^= mask0;
    (bytes[at + 1] as number) ^= mask1;
    (bytes[at + 2] as number) ^= mask2;
    (bytes[at + 3] as number) ^= mask3;
  }
  if (wholeEnd < end) (bytes[wholeEnd] as number) ^= mask0;
  if (wholeEnd + 1 < end) (bytes[wholeEnd + 1] as number) ^= mask1;
  if (wholeEnd + 2 < end) (bytes[wholeEnd + 2] as number) ^= mask2;
}
