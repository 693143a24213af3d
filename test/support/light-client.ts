import { decode } from "@msgpack/msgpack";
import { jsonWire, messagePackWire } from "./hub-wire.ts";
import { type Wire, type WireName, wires } from "./light-wires.ts";
import { negotiate } from "./negotiate.ts";
import type { TestHubwire } from "./start-hubwire.ts";

const RECORD_SEPARATOR = 0x1e;

/** What a client is told of. */
export interface LightClientListener {
  invoked(target: string, args: readonly unknown[]): void;
  completed(invocationId: string): void;
  /** It is over, whoever ended it; may be told more than once. */
  ended(reason: string): void;
}

export interface LightClientOptions {
  readonly wire: WireName;
  readonly protocol: "json" | "messagepack";
  readonly userId: string | undefined;
}

/** A client of few lines, written independently of the service and of Microsoft's, of which there can be thousands. */
export class LightClient {
  readonly connectionId: string;
  readonly #protocol: "json" | "messagepack";
  readonly #listener: LightClientListener;
  #wire: Wire | undefined;
  #unread: Buffer = Buffer.alloc(0);
  #hasJoined = false;
  #joined = (): void => {};

  private constructor(connectionId: string, protocol: "json" | "messagepack", listener: LightClientListener) {
    this.connectionId = connectionId;
    this.#protocol = protocol;
    this.#listener = listener;
  }

  /** Connects to the hub `chat`; resolves when the handshake has succeeded. */
  static async connect(
    hubwire: TestHubwire,
    { wire, protocol, userId }: LightClientOptions,
    listener: LightClientListener,
  ): Promise<LightClient> {
    const { connectionId, path } = await negotiate(hubwire, userId === undefined ? {} : { userId });
    const client = new LightClient(connectionId, protocol, listener);
    const { promise: joined, resolve, reject } = Promise.withResolvers<void>();
    client.#joined = resolve;
    client.#wire = await wires[wire](`${hubwire.url}${path}`, {
      bytes: (chunk) => client.#read(chunk),
      ended: (reason) => {
        reject(new Error(reason)); // means nothing once it has joined
        listener.ended(reason);
      },
    });
    client.#wire.send(Buffer.from(`{"protocol":"${protocol}","version":1}\x1e`));
    await joined;
    return client;
  }

  invoke(target: string, invocationId: string): void {
    const wire = this.#protocol === "json" ? jsonWire : messagePackWire;
    this.#wire?.send(Buffer.from(wire.invocation(target, [], invocationId)));
  }

  leave(): void {
    this.#wire?.leave();
  }

  drop(): void {
    this.#wire?.drop();
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    for (let end = this.#messageEnd(); end > 0; end = this.#messageEnd()) {
      const message = this.#unread.subarray(0, end);
      this.#unread = this.#unread.subarray(end);
      this.#receive(message);
    }
  }

  /** Where the first unread message ends; not above 0 when it is unfinished. */
  #messageEnd(): number {
    if (!this.#hasJoined || this.#protocol === "json") return this.#unread.indexOf(RECORD_SEPARATOR) + 1;
    const { size, length } = this.#prefix();
    return length > 0 && size + length <= this.#unread.length ? size + length : 0;
  }

  /** Of a MessagePack message: its own size and the length that it says. */
  #prefix(): { size: number; length: number } {
    let length = 0;
    for (const [size, byte] of this.#unread.subarray(0, 5).entries()) {
      length |= (byte & 0x7f) << (7 * size);
      if (byte < 0x80) return { size: size + 1, length };
    }
    return { size: 0, length: 0 };
  }

  #receive(message: Buffer): void {
    if (!this.#hasJoined) {
      this.#hasJoined = true;
      if (message.toString() === "{}\x1e") return this.#joined();
      return this.#listener.ended(`the handshake was answered with ${message.toString()}`);
    }
    const read = this.#protocol === "json" ? readJson : readMessagePack;
    const { type, invocationId, target, args, error } = read(message);
    if (type === 1) this.#listener.invoked(target, args);
    else if (type === 3) this.#listener.completed(invocationId);
    else if (type === 7) this.#listener.ended(`Close: ${error}`);
  }
}

interface Message {
  readonly type: number;
  readonly invocationId: string;
  readonly target: string;
  readonly args: readonly unknown[];
  readonly error: string;
}

function readJson(record: Buffer): Message {
  const {
    type,
    invocationId,
    target,
    arguments: args,
    error,
  } = JSON.parse(record.toString("utf8", 0, record.length - 1)) as Message & { arguments: unknown[] };
  return { type, invocationId, target, args, error };
}

function readMessagePack(message: Buffer): Message {
  const start = message.findIndex((byte) => byte < 0x80) + 1;
  const [type, second, third, fourth, fifth] = decode(message.subarray(start)) as [number, ...unknown[]];
  return {
    type,
    invocationId: third as string,
    target: fourth as string,
    args: fifth as unknown[],
    error: String(second),
  };
}
