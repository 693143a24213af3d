import { handshakeReply } from "../protocol/handshake.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import type { ClientSessions } from "./client-sessions.ts";
import { CLOSED, type Conversation, type ConversationHost, detailed } from "./conversation.ts";
import type { CloseReason, MessageBackend } from "./ports.ts";

/** The service speaks the hub protocol itself: it answers the handshake, pings, and gives its backend messages. */
export class HubConversation implements Conversation {
  readonly maxMessageBytes: number;
  readonly #host: ConversationHost;
  readonly #backend: MessageBackend;
  readonly #sessions: ClientSessions;
  #pingedAtMs: number;
  /** When the client was last heard; `undefined` until its first ping, which is what arms its timeout. */
  #heardAtMs: number | undefined;

  constructor(host: ConversationHost, backend: MessageBackend, sessions: ClientSessions) {
    this.#host = host;
    this.#backend = backend;
    this.#sessions = sessions;
    this.maxMessageBytes = sessions.limits.maxMessageBytes;
    this.#pingedAtMs = sessions.nowMs;
  }

  open(): void {
    this.#pingedAtMs = this.#sessions.nowMs;
    this.#host.accept(handshakeReply());
    this.#backend.opened(this.#host.client);
    this.#host.release();
  }

  read(bytes: Buffer, start: number): number {
    const { protocol } = this.#host.client;
    let at = start;
    while (at < bytes.length) {
      const end = protocol.findEnd(bytes, at, this.maxMessageBytes);
      if (end < 0) break;
      this.#sessions.receivedMessages++;
      this.#receive(protocol.read(bytes, at, end));
      if (this.#host.isClosed) return bytes.length;
      at = end;
    }
    if (at > start && this.#heardAtMs !== undefined) this.#heardAtMs = this.#sessions.nowMs;
    return at;
  }

  tick(nowMs: number): void {
    const { client } = this.#host;
    const { keepAliveMs, clientMs } = this.#sessions.timeouts;
    if (this.#heardAtMs !== undefined && nowMs - this.#heardAtMs > clientMs)
      return this.#host.endTelling(
        { category: "PingTimeout", message: "Connection ping timeout", allowReconnect: true },
        detailed(
          client,
          CLOSED,
          "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
        ),
      );
    if (nowMs - this.#pingedAtMs < keepAliveMs) return;
    this.#pingedAtMs = nowMs;
    client.sendUncounted(this.#sessions.ping(client.protocol.name));
  }

  reattached(): void {
    if (this.#heardAtMs !== undefined) this.#heardAtMs = this.#sessions.nowMs;
    this.#pingedAtMs = this.#sessions.nowMs;
  }

  renewed(): void {
    // Backends ask for the claims when they need them.
  }

  closed(reason: CloseReason): void {
    this.#backend.closed(this.#host.client, reason);
  }

  #receive(message: HubMessage): void {
    if (this.#host.takes(message) || this.#host.isClosed) return;
    switch (message.type) {
      case HubMessageType.ping:
        this.#heardAtMs = this.#sessions.nowMs;
        return;
      case HubMessageType.close:
        return this.#host.endTelling(
          { category: "Normal", message: message.error ?? "The client closed.", allowReconnect: false },
          undefined,
        );
      case HubMessageType.invocation:
      case HubMessageType.streamItem:
      case HubMessageType.completion:
      case HubMessageType.streamInvocation:
      case HubMessageType.cancelInvocation:
        this.#backend.received(this.#host.client, message);
    }
  }
}
