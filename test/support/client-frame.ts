/** Bits of a frame's first byte. */
export const FIN = 0x80;

/** What a client's frame is made of; everything can be wrong. */
export interface ClientFrame {
  /** Flags, reserved bits and opcode. */
  readonly first: number;
  readonly payload?: Buffer;
  readonly mask?: readonly [number, number, number, number];
}

/** A masked frame as RFC 6455 §5.2 draws it, written independently of the server's own codec. */
export function clientFrame({
  first,
  payload = Buffer.alloc(0),
  mask = [0x37, 0xfa, 0x21, 0x3d],
}: ClientFrame): Buffer {
  const { length } = payload;
  const header = [first];
  if (length < 126) header.push(0x80 | length);
  else if (length < 65_536) header.push(0x80 | 126, length >> 8, length & 0xff);
  else
    header.push(
      0x80 | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 0xff,
      (length >> 8) & 0xff,
      length & 0xff,
    );
  const masked = Buffer.from(payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0)));
  return Buffer.concat([Buffer.from([...header, ...mask]), masked]);
}

/** A masked text message in one frame. */
export function clientText(text: string): Buffer {
  return clientFrame({ first: FIN | 1, payload: Buffer.from(text) });
}

/** A masked close frame. */
export function clientClose(code: number, reason = ""): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return clientFrame({ first: FIN | 8, payload });
}
