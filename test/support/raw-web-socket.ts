import { connect, type Socket } from "node:net";
import { clientClose, clientFrame, FIN } from "./client-frame.ts";
import type { ClientTokenOptions, TestHubwire } from "./start-hubwire.ts";

const PATIENCE_MS = 10_000;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** Where and how a socket asks to upgrade. */
export interface UpgradeOptions extends ClientTokenOptions {
  /** Instead of `/client/?hub=…`, which is asked for with a token. */
  readonly path?: string;
  /** Added to those of an upgrade; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/**
 * A client's end of one WebSocket on a plain socket. It sends what it is told and answers nothing by itself. Frames are
 * written down as text (`text {}␞`, `binary 7b7d1e`, `close 1000`); one that is not in its only canonical form as `broken`.
 */
export class RawWebSocket implements Disposable {
  readonly socket: Socket;
  /** How many pieces the frames arrived in so far. */
  reads = 0;
  /** The response to the upgrade request up to its empty line. */
  head = "";
  #unread: Buffer = Buffer.alloc(0);
  #frames: string[] = [];
  #isOver = false;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    for (const event of ["end", "close"])
      socket.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
  }

  /** Asks for an upgrade; resolves when the head of the response is there, be it 101 or not. */
  static async open(hubwire: TestHubwire, options: UpgradeOptions = {}): Promise<RawWebSocket> {
    const { hostname, port } = new URL(hubwire.url);
    const address = { host: hostname, port: Number(port) };
    const client = new RawWebSocket(connect({ ...address, allowHalfOpen: true, noDelay: true }));
    const headers = {
      Host: "localhost",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      Authorization: options.path === undefined ? `Bearer ${hubwire.clientToken(options)}` : undefined,
      ...options.headers,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}: ${value}\r\n`,
    );
    const { hub = "chat", path = `/client/?hub=${hub}` } = options;
    client.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    await client.#until(() => client.head !== "");
    return client;
  }

  get status(): number {
    return Number(this.head.split(" ")[1]);
  }

  /** What has come and is no frame: the body behind a head that is no 101. */
  get body(): string {
    return this.#unread.toString();
  }

  /** Sends one message, text or binary. */
  send(payload: string | Buffer): void {
    const first = FIN | (typeof payload === "string" ? TEXT : BINARY);
    this.socket.write(clientFrame({ first, payload: Buffer.from(payload) }));
  }

  close(code: number): void {
    this.socket.write(clientClose(code));
  }

  /** Frames that have come and were not taken. */
  get waiting(): number {
    return this.#frames.length;
  }

  /** The next frames, in order. */
  async take(count: number): Promise<string[]> {
    await this.#until(() => this.#frames.length >= count);
    return this.#frames.splice(0, count);
  }

  /** The next frame. */
  async next(): Promise<string | undefined> {
    return (await this.take(1))[0];
  }

  /** All frames until the service ends the connection, whose close frame is answered. */
  async takeAll(): Promise<string[]> {
    await this.#until(() => this.#frames.at(-1)?.startsWith("close") ?? false);
    if (!this.#isOver) this.close(1000);
    return this.takeToEnd();
  }

  /** All frames until the service ends the connection without an answer. */
  async takeToEnd(): Promise<string[]> {
    await this.#until(() => false);
    this.socket.end();
    return this.#frames.splice(0);
  }

  /** Loses the connection as when a network fails. */
  drop(): void {
    // One that has ended its side cannot be reset any more: node would keep it for ever.
    if (this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  /** Resolves when the condition holds, or never will. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#isOver) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(() => reject(new Error("waited in vain for the service")), PATIENCE_MS);
      await promise.finally(() => clearTimeout(timer));
    }
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (this.head === "") this.#readHead();
    else this.reads++;
    if (this.status === 101) this.#readFrames();
    this.#wake();
  }

  #readHead(): void {
    const end = this.#unread.indexOf("\r\n\r\n") + 4;
    if (end < 4) return;
    this.head = this.#unread.subarray(0, end).toString();
    this.#unread = this.#unread.subarray(end);
  }

  #readFrames(): void {
    let start = 0;
    for (;;) {
      const bytes = this.#unread.subarray(start);
      const [first = 0, second = 0] = bytes;
      const headerLength = second < 126 ? 2 : second === 126 ? 4 : 10;
      if (bytes.length < headerLength) break;
      const length = payloadLength(bytes, headerLength);
      const end = headerLength + length;
      if (bytes.length < end) break;
      const isShortest = headerLength === (length < 126 ? 2 : length < 65_536 ? 4 : 10);
      this.#frames.push(isShortest ? inWords(first, bytes.subarray(headerLength, end)) : "broken length");
      start += end;
    }
    this.#unread = this.#unread.subarray(start);
  }
}

function payloadLength(header: Buffer, headerLength: number): number {
  if (headerLength === 2) return header[1] ?? 0;
  return headerLength === 4 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
}

function inWords(first: number, payload: Buffer): string {
  switch (first) {
    case FIN | TEXT:
      return `text ${payload.toString()}`;
    case FIN | BINARY:
      return `binary ${payload.toString("hex")}`;
    case FIN | CLOSE:
      return payload.length < 2
        ? "close"
        : `close ${payload.readUInt16BE()} ${payload.subarray(2).toString()}`.trimEnd();
    default:
      return `broken ${first.toString(16)} ${payload.toString("hex")}`;
  }
}
