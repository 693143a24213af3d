/** Frame types, RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

const FIN = 0x80;
const MAX_CONTROL_PAYLOAD_BYTES = 125;

/** Bytes of the longest header of an unmasked frame. */
export const MAX_HEADER_BYTES = 10;

/** One unfragmented frame as a server sends it: unmasked, header and payload in one buffer. */
export function frame(opcode: Opcode, payload: Buffer): Buffer {
  const { length } = payload;
  const headerLength = headerBytes(length);
  const bytes = Buffer.allocUnsafe(headerLength + length);
  writeHeader(bytes, 0, opcode, length);
  bytes.set(payload, headerLength);
  return bytes;
}

/**
 * One unfragmented binary frame around what is in the buffer behind `headroom`, without a copy.
 * @param headroom at least `MAX_HEADER_BYTES`
 */
export function frameInPlace(bytes: Buffer, headroom: number): Buffer {
  const length = bytes.length - headroom;
  const start = headroom - headerBytes(length);
  writeHeader(bytes, start, Opcode.binary, length);
  return bytes.subarray(start);
}

function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : MAX_HEADER_BYTES;
}

function writeHeader(out: Buffer, start: number, opcode: Opcode, length: number): void {
  out[start] = FIN | opcode;
  if (length < 126) {
    out[start + 1] = length;
  } else if (length < 65_536) {
    out[start + 1] = 126;
    out.writeUInt16BE(length, start + 2);
  } else {
    out[start + 1] = 127;
    out.writeBigUInt64BE(BigInt(length), start + 2);
  }
}

/** A close frame; of a reason that does not fit, the characters that do. RFC 6455 §5.5.1. */
export function closeFrame(code: number, reason = ""): Buffer {
  const text = Buffer.from(reason);
  const payload = Buffer.allocUnsafe(2 + fittingLength(text, MAX_CONTROL_PAYLOAD_BYTES - 2));
  payload.writeUInt16BE(code);
  text.copy(payload, 2);
  return frame(Opcode.close, payload);
}

/** The answer to a ping, with the ping's payload. RFC 6455 §5.5.3. */
export function pongFrame(payload: Buffer): Buffer {
  return frame(Opcode.pong, payload);
}

/** How many of the first `limit` bytes of UTF-8 text are whole characters. */
function fittingLength(text: Buffer, limit: number): number {
  if (text.length <= limit) return text.length;
  let length = limit;
  while (((text[length] ?? 0) & 0xc0) === 0x80) length--;
  return length;
}
