/** Writers of single MessagePack elements in their smallest form; each returns the index after what it wrote. */

/** A whole number of at most 2^53 in size. */
export function writeInteger(out: Buffer, position: number, value: number): number {
  if (value > 0xffff_ffff) return out.writeBigUInt64BE(BigInt(value), writeByte(out, position, 0xcf));
  if (value < -0x8000_0000) return out.writeBigInt64BE(BigInt(value), writeByte(out, position, 0xd3));
  if (value >= 0) {
    if (value < 0x80) return writeByte(out, position, value);
    if (value <= 0xff) return writeByte(out, writeByte(out, position, 0xcc), value);
    if (value <= 0xffff) return writeShort(out, writeByte(out, position, 0xcd), value);
    return writeLong(out, writeByte(out, position, 0xce), value);
  }
  if (value >= -0x20) return writeByte(out, position, value);
  if (value >= -0x80) return writeByte(out, writeByte(out, position, 0xd0), value);
  if (value >= -0x8000) return writeShort(out, writeByte(out, position, 0xd1), value);
  return writeLong(out, writeByte(out, position, 0xd2), value);
}

/** The header of a string of so many bytes. */
export function writeStringHeader(out: Buffer, position: number, bytes: number): number {
  if (bytes < 0x20) return writeByte(out, position, 0xa0 | bytes);
  if (bytes <= 0xff) return writeByte(out, writeByte(out, position, 0xd9), bytes);
  if (bytes <= 0xffff) return writeShort(out, writeByte(out, position, 0xda), bytes);
  return writeLong(out, writeByte(out, position, 0xdb), bytes);
}

/** The low 8 bits. Plain stores are several times as fast as the checked methods of Buffer. */
export function writeByte(out: Buffer, position: number, value: number): number {
  out[position] = value;
  return position + 1;
}

function writeShort(out: Buffer, position: number, value: number): number {
  out[position] = value >> 8;
  out[position + 1] = value;
  return position + 2;
}

function writeLong(out: Buffer, position: number, value: number): number {
  return writeShort(out, writeShort(out, position, value >> 16), value);
}

/** A string; takes at most 5 bytes more than its UTF-8. */
export function writeString(out: Buffer, position: number, text: string): number {
  const start = writeStringHeader(out, position, Buffer.byteLength(text));
  return start + out.write(text, start);
}
