import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import { type ApiErrorCode, apiErrors } from "../core/errors.ts";
import type { Limits } from "../core/limits.ts";

/** How long a refused peer has to end its side. */
const LINGER_MS = 1_000;

/** Which requests become WebSockets, and who takes them. */
export interface UpgradeHandler {
  /** Whether the request is one; if not it is answered like any other request. */
  readonly wants: (request: IncomingMessage) => boolean;
  readonly accept: (upgrade: { request: IncomingMessage; socket: Socket; head: Buffer }) => void;
}

/**
 * The node's HTTP server. Holds the limits of what comes before any handler: the length of the URI (414) and of
 * all headers together (431). When it is closed it lets go of idle connections, and of those that never sent anything.
 * It answers what is no HTTP itself: nobody else may listen for its client errors.
 */
export function createHttpServer(limits: Limits, upgrades: UpgradeHandler, handler: RequestListener): Server {
  const server = createServer(
    {
      // Room for both limits and more, so that the answer can say which one was passed.
      maxHeaderSize: 2 * (limits.maxHeaderBytes + limits.maxUrlBytes),
      noDelay: true,
      shouldUpgradeCallback: upgrades.wants,
    },
    (request, response) => {
      const refusal = overLimit(request, limits);
      if (refusal === undefined) return handler(request, response);
      response.writeHead(refusal.status, refusal.headers).end(refusal.body);
    },
  );
  closeUnusedToo(server);
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const refusal = overLimit(request, limits);
    if (refusal === undefined) upgrades.accept({ request, socket, head });
    else answerRaw(socket, refusal);
  });
  server.on("clientError", (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
    if (socket.writableEnded) return; // has been answered, and goes on
    if (error.code === "ECONNRESET" || !socket.writable) return socket.destroy();
    if (error.code !== "HPE_HEADER_OVERFLOW")
      return answerRaw(socket, refusal("Error.Request.Invalid", "The request is not valid HTTP/1.1."));
    const line = error.rawPacket?.indexOf("\r\n") ?? 0;
    answerRaw(socket, line < 0 || line > limits.maxUrlBytes ? uriTooLong(limits) : headersTooLarge(limits));
  });
  return server;
}

/**
 * Browsers and HTTP clients connect ahead of their requests. To node such a connection is not idle but about to send
 * its first request, and closing the server would wait for it.
 */
function closeUnusedToo(server: Server): void {
  const unused = new Set<Socket>();
  const forget = function (this: Socket): void {
    unused.delete(this);
  };
  const used = ({ socket }: IncomingMessage): void => {
    if (unused.delete(socket)) socket.off("close", forget);
  };
  server.on("connection", (socket) => unused.add(socket.on("close", forget)));
  server.prependListener("request", used);
  server.prependListener("upgrade", used);
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
  };
}

interface Refusal {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function overLimit({ url = "", rawHeaders }: IncomingMessage, limits: Limits): Refusal | undefined {
  if (url.length > limits.maxUrlBytes) return uriTooLong(limits);
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  // Each name and value is followed by two bytes: ": " or CR LF.
  return bytes + 2 * rawHeaders.length > limits.maxHeaderBytes ? headersTooLarge(limits) : undefined;
}

function uriTooLong(limits: Limits): Refusal {
  return refusal("Error.Request.UriTooLong", `The request URI may have ${limits.maxUrlBytes} bytes at most.`);
}

function headersTooLarge(limits: Limits): Refusal {
  return refusal(
    "Error.Request.HeadersTooLarge",
    `The request headers may have ${limits.maxHeaderBytes} bytes at most, together.`,
  );
}

function refusal(code: ApiErrorCode, message: string): Refusal {
  const body = JSON.stringify({ code, message });
  return {
    status: apiErrors[code].status,
    headers: {
      "x-ms-error-code": code,
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
      Connection: "close",
    },
    body,
  };
}

/** Answers and lets go. What the peer still sends is dropped for a while: a reset might overtake the answer. */
function answerRaw(socket: Socket, { status, headers, body }: Refusal): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on("error", () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  socket.resume();
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(lingering));
}
