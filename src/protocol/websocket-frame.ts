/** Frame types, RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

const FIN = 0x80;
const MAX_CONTROL_PAYLOAD_BYTES = 125;

/** One unfragmented frame as a server sends it: unmasked, header and payload in one buffer. */
export function frame(opcode: Opcode, payload: Buffer): Buffer {
  const { length } = payload;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headerLength + length);
  bytes[0] = FIN | opcode;
  if (headerLength === 2) {
    bytes[1] = length;
  } else if (headerLength === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.set(payload, headerLength);
  return bytes;
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
