import { randomFillSync } from "node:crypto";

const ID_BYTES = 16;

/** Random bytes are drawn for many ids at once: asking for 16 costs nearly as much as asking for 4,096. */
const pool = Buffer.alloc(256 * ID_BYTES);
let used = pool.length;

/** A new connection id or token: 128 random bits, URL-safe without escaping, as clients put it into URLs unescaped. */
export function newConnectionId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("base64url", used, used + ID_BYTES);
  pool.fill(0, used, used + ID_BYTES);
  used += ID_BYTES;
  return id;
}
