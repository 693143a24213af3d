import type { HubProtocol } from "../protocol/hub-protocol.ts";
import type { EncodedMessage } from "./encoded-message.ts";
import type { ClientIdentity } from "./identity.ts";
import type { Payload } from "./payload.ts";
import type { ClientTransport, CloseReason } from "./ports.ts";
import type { Resumption } from "./resumption.ts";

/** Who ends a client's life in an orderly way: its `ClientSession`. */
export interface ClientEnder {
  end(reason: CloseReason): void;
}

/** What is known of a client from its connect request. */
export interface ClientOrigin {
  /** Public id, unguessable and URL-safe. */
  readonly connectionId: string;
  /** Full hub name. */
  readonly hub: string;
  /** Another one of the same user, once the client has been authenticated anew. */
  identity: ClientIdentity;
  /** The connect request's query without `access_token` and `id`: `""`, or with a leading `?`. */
  readonly query: string;
}

/** One end user's connection as its hub sees it: who it is, and the way to it. */
export class Client {
  readonly origin: ClientOrigin;
  readonly protocol: HubProtocol;
  /** Groups that it is in; made with the first. Kept by `Hub`. */
  groups: Set<string> | undefined;
  readonly #session: ClientEnder;
  readonly #maxBufferedBytes: number;
  readonly #resumption: Resumption | undefined;
  #transport: ClientTransport | undefined;
  /** Messages that must wait until the client is ready for them. */
  #held: EncodedMessage[] | undefined = [];
  #heldBytes = 0;

  constructor(
    origin: ClientOrigin,
    protocol: HubProtocol,
    way: { transport: ClientTransport; resumption: Resumption | undefined; maxBufferedBytes: number },
    session: ClientEnder,
  ) {
    this.origin = origin;
    this.protocol = protocol;
    this.#transport = way.transport;
    this.#resumption = way.resumption;
    this.#maxBufferedBytes = way.maxBufferedBytes;
    this.#session = session;
  }

  get id(): string {
    return this.origin.connectionId;
  }

  get userId(): string | undefined {
    return this.origin.identity.userId;
  }

  /** Sends a payload in the client's hub protocol, if it has that. Never throws, never waits. */
  deliver(payload: Payload): void {
    const message = payload.encodedWith(this.protocol.name);
    if (message !== undefined) this.send(message);
  }

  /** Sends a trackable hub message (types 1 to 5). Never throws, never waits. */
  send(message: EncodedMessage): void {
    if (this.#held !== undefined) {
      this.#held.push(message);
      this.#heldBytes += message.bytes.length;
      if (this.#heldBytes > this.#maxBufferedBytes) this.#endAsSlow();
      return;
    }
    if (this.#resumption !== undefined) {
      this.#resumption.sending(message);
      if (this.#resumption.bufferedBytes > this.#maxBufferedBytes) return this.#endAsSlow();
    }
    this.#transport?.send(message);
  }

  /** Sends a hub message that stateful reconnect does not count. */
  sendUncounted(message: EncodedMessage): void {
    this.#transport?.send(message);
  }

  /** Sends what has waited: a new client holds its messages until this is called first. */
  release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    for (const message of held) this.send(message);
  }

  /** Where messages go from now on; `undefined` while a stateful client has no socket. */
  set transport(transport: ClientTransport | undefined) {
    this.#transport = transport;
  }

  /** Closes the client in an orderly way, as the service wishes. */
  close(reason: CloseReason): void {
    this.#session.end(reason);
  }

  #endAsSlow(): void {
    this.#session.end({
      category: "SlowClient",
      message: `The client is too slow: more than ${this.#maxBufferedBytes} bytes wait for it.`,
      allowReconnect: true,
    });
  }
}
