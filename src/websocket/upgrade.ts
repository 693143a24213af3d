import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** A WebSocket request: what node hands over when a peer asks to upgrade. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that came with the request. */
  readonly head: Buffer;
}

/** Why an upgrade was refused. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly text: string;
  /** `WWW-Authenticate`. */
  readonly challenge?: string | undefined;
}

/** Answers an upgrade request with an ordinary response and lets its connection go, whether or not the peer ends its side. */
export function refuseUpgrade(socket: Socket, { status, text, challenge }: UpgradeRefusal): void {
  socket.on("error", () => {});
  const challengeLine = challenge === undefined ? "" : `WWW-Authenticate: ${challenge}\r\n`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${challengeLine}Content-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  socket.destroySoon();
}
