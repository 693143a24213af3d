import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";

const KEY_PATTERN = /^[A-Za-z0-9+/]{22}==$/;
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Whether a request is a complete WebSocket handshake, RFC 6455 §4.2.1. One that only says `Upgrade: websocket` is not:
 * the client endpoint takes it for a poll, docs/spec/client-endpoint.md §2.1.
 */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const { headers } = request;
  return (
    request.method === "GET" &&
    request.httpVersion === "1.1" &&
    hasToken(headers.connection, "upgrade") &&
    hasToken(headers.upgrade, "websocket") &&
    headers["sec-websocket-version"] === "13" &&
    KEY_PATTERN.test(headers["sec-websocket-key"] ?? "")
  );
}

/** The 101 response to a handshake. Subprotocols and extensions that the client offers are ignored. */
export function handshakeResponse(request: IncomingMessage): string {
  const key = request.headers["sec-websocket-key"] ?? "";
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`
  );
}

/** What proves to the client that its key was read, RFC 6455 §4.2.2. */
export function acceptKey(key: string): string {
  return hash("sha1", key + ACCEPT_GUID, "base64");
}

function hasToken(list: string | undefined, token: string): boolean {
  return list?.split(",").some((item) => item.trim().toLowerCase() === token) ?? false;
}
