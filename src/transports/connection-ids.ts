import { randomBytes } from "node:crypto";

/** A new connection id or token: 128 random bits, URL-safe without escaping, as clients put it into URLs unescaped. */
export function newConnectionId(): string {
  return randomBytes(16).toString("base64url");
}
