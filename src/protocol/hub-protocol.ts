/** Types of hub messages, docs/spec/client-endpoint.md §3.3. */
export const HubMessageType = {
  invocation: 1,
  streamItem: 2,
  completion: 3,
  streamInvocation: 4,
  cancelInvocation: 5,
  ping: 6,
  close: 7,
  ack: 8,
  sequence: 9,
} as const;

/**
 * The envelope of one received hub message: what routing needs. Everything else stays as the bytes that came in.
 * A field that the message's type does not have, or that was left out, is absent.
 */
export interface HubMessage {
  /** One of `HubMessageType`, or a number that a newer protocol version uses. */
  readonly type: number;
  /** Never empty: `""` counts as left out. */
  readonly invocationId?: string;
  readonly target?: string;
  /** Close and Completion. */
  readonly error?: string;
  /** Close. */
  readonly allowReconnect?: boolean;
  /** Ack and Sequence. */
  readonly sequenceId?: number;
  /** The whole framed message (with record separator or length prefix): a view into the read buffer. */
  readonly bytes: Buffer;
  /** Arguments (types 1, 4), item (2) or result (3) as the peer wrote it: a view into the read buffer. */
  readonly value?: Buffer;
  /** The array of the streams that the peer sends with it (types 1, 4), as the peer wrote it: a view. */
  readonly streamIds?: Buffer;
}

/** `blazorpack` is `messagepack` as Blazor's own clients and servers name it. */
export type HubProtocolName = "json" | "messagepack" | "blazorpack";

/** A pure codec of one hub protocol. Holds no connection state. */
export interface HubProtocol {
  readonly name: HubProtocolName;
  readonly transferFormat: "Text" | "Binary";
  /**
   * Finds the end of the framed message that starts at `start`: the index after it, or -1 while it is incomplete.
   * @throws {ProtocolError} when the framing is broken or the message is larger than `maxBytes`.
   */
  findEnd(buffer: Buffer, start: number, maxBytes: number): number;
  /**
   * Reads the envelope of the framed message at `start` until `end` without decoding its values.
   * @throws {ProtocolError} with ASP.NET's text of what is wrong.
   */
  read(buffer: Buffer, start: number, end: number): HubMessage;
  /**
   * A framed Invocation; the peer answers one with an invocation id by a Completion.
   * @param args a JSON array, valid UTF-8 JSON text, as it came in
   */
  invocation(target: string, args: Buffer, invocationId?: string): Buffer;
  /** A framed Invocation that was read before, with this id instead of its own; everything else is the same bytes. */
  withInvocationId(framed: Buffer, invocationId: string): Buffer;
  /** A framed StreamItem. `item` is one JSON value, valid UTF-8 JSON text, as it came in. */
  streamItem(invocationId: string, item: Buffer): Buffer;
  /** A framed Completion that carries a result: one JSON value, valid UTF-8 JSON text, as it came in. */
  completionResult(invocationId: string, result: Buffer): Buffer;
  /** A framed Completion that carries an error. */
  completionError(invocationId: string, error: string): Buffer;
  /** A framed Completion that carries neither a result nor an error. */
  completionVoid(invocationId: string): Buffer;
  /** What a framed message holds, without its record separator or length prefix: a view. */
  content(framed: Buffer): Buffer;
  readonly ping: Buffer;
  close(error: string | undefined, allowReconnect: boolean): Buffer;
  ack(sequenceId: number): Buffer;
  sequence(sequenceId: number): Buffer;
}
