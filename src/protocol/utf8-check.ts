import { isUtf8 } from "node:buffer";

/**
 * How far a check of UTF-8 text that comes in pieces has got. `AT_CHARACTER`: at the start of a character; otherwise
 * inside of one: bits 0-7 hold how many bytes are missing, 8-15 and 16-23 the least and the greatest next byte.
 */
export type Utf8State = number;
export const AT_CHARACTER: Utf8State = 0;

const INVALID = -1;
const CONTINUATION_MIN = 0x80;
const CONTINUATION_MAX = 0xbf;

/**
 * Goes on with a check of text that is cut anywhere, also inside of characters, and keeps nothing of it.
 * The text is whole when the state is `AT_CHARACTER`. `undefined`: no continuation can make it valid UTF-8.
 */
export function checkUtf8(state: Utf8State, piece: Buffer): Utf8State | undefined {
  let next = state;
  let start = 0;
  while (next !== AT_CHARACTER && start < piece.length) {
    next = stepInside(next, piece[start++] ?? 0);
    if (next === INVALID) return undefined;
  }
  const end = lastCharacterStart(piece, start);
  if (!isUtf8(piece.subarray(start, end))) return undefined;
  for (let at = end; at < piece.length; at++) {
    const byte = piece[at] ?? 0;
    next = next === AT_CHARACTER ? afterLead(byte) : stepInside(next, byte);
    if (next === INVALID) return undefined;
  }
  return next;
}

/** Where the character at the end starts, when it may be unfinished; else the end. */
function lastCharacterStart(piece: Buffer, start: number): number {
  for (let at = piece.length - 1; at >= start && at >= piece.length - 3; at--) {
    const byte = piece[at] ?? 0;
    if (byte >= 0xc0) return at;
    if (byte < CONTINUATION_MIN) break;
  }
  return piece.length;
}

/** The state after a first byte of several, Unicode 16.0 table 3-7 (which leaves out overlong forms and surrogates). */
function afterLead(byte: number): Utf8State {
  if (byte < 0x80) return AT_CHARACTER;
  if (byte < 0xc2 || byte > 0xf4) return INVALID;
  if (byte < 0xe0) return inside(1, CONTINUATION_MIN, CONTINUATION_MAX);
  if (byte < 0xf0)
    return inside(2, byte === 0xe0 ? 0xa0 : CONTINUATION_MIN, byte === 0xed ? 0x9f : CONTINUATION_MAX);
  return inside(3, byte === 0xf0 ? 0x90 : CONTINUATION_MIN, byte === 0xf4 ? 0x8f : CONTINUATION_MAX);
}

function stepInside(state: Utf8State, byte: number): Utf8State {
  if (byte < ((state >> 8) & 0xff) || byte > state >> 16) return INVALID;
  const missing = (state & 0xff) - 1;
  return missing === 0 ? AT_CHARACTER : inside(missing, CONTINUATION_MIN, CONTINUATION_MAX);
}

function inside(missing: number, min: number, max: number): Utf8State {
  return missing | (min << 8) | (max << 16);
}
