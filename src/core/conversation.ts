import type { HubMessage } from "../protocol/hub-protocol.ts";
import type { Client } from "./client.ts";
import type { ClientIdentity } from "./identity.ts";
import type { CloseReason } from "./ports.ts";

/**
 * What becomes of what a client says once its handshake was read: the service takes it itself (`HubConversation`), or
 * passes it on to whoever speaks the hub protocol with the client (`RelayedConversation`).
 */
export interface Conversation {
  /** What one message of the client may have, framing included. */
  readonly maxMessageBytes: number;
  /** The client is in its hub and in its groups: answers its handshake, or has it answered. Called once. */
  open(handshake: Buffer): void;
  /**
   * Takes the whole messages of the client from `start` on; returns the index after the last.
   * @throws {ProtocolError}
   */
  read(bytes: Buffer, start: number): number;
  /** Everything that happens by time; called about once a second while the client has a transport and is open. */
  tick(nowMs: number): void;
  /** The client goes on over another socket. */
  reattached(): void;
  /** The client was authenticated anew. */
  renewed(before: ClientIdentity): void;
  /** The client has left its hub; called once, if `open` was. */
  closed(reason: CloseReason): void;
}

/** What a conversation asks of the life that it is a part of, `ClientSession`. */
export interface ConversationHost {
  readonly client: Client;
  readonly isClosed: boolean;
  /** The handshake is accepted with this answer; the client counts as open. */
  accept(answer: Buffer): void;
  /** From now on the client gets what was sent to it since it came. */
  release(): void;
  /** The handshake is refused with this answer; the client is gone. */
  refuse(answer: Buffer, reason: CloseReason): void;
  /** Sends framed bytes that do not count for stateful reconnect. */
  tell(bytes: Buffer): void;
  /** Whether the service takes the message itself: it is about stateful reconnect, or answers a call of the service. */
  takes(message: HubMessage): boolean;
  end(reason: CloseReason): void;
  /** As `end`, with the text that the client is told. */
  endTelling(reason: CloseReason, error: string | undefined): void;
  /** Ends the transport after what was sent, without a further word. */
  endQuietly(reason: CloseReason): void;
  /** Stops reading what the client sends, until `resume`. */
  pause(): void;
  resume(): void;
}

/** ASP.NET's text for a client that may not know more. */
export const CLOSED = "Connection closed with an error.";

/** What a client is told, with what went wrong only where its token allows details. */
export function detailed({ origin }: Pick<Client, "origin">, text: string, what: string): string {
  return origin.identity.detailedErrors ? `${text} ${what}` : text;
}
