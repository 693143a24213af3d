/** Everything that a peer can make grow has its bound here; `config/schema.ts` has the defaults. */
export interface Limits {
  /** One hub message from a client, framing included. */
  readonly maxMessageBytes: number;
  /** The same for a client of an app server, which has a limit of its own. */
  readonly maxRelayedMessageBytes: number;
  /** What a client may send before its handshake record ends. */
  readonly maxHandshakeBytes: number;
  /** What may wait for a slow client to be read; above it the client is closed. */
  readonly maxBufferedBytes: number;
  /** Connections that were negotiated, or attached, and have not finished the handshake. */
  readonly maxPendingConnections: number;
  /** A request body, of REST and of a client's POST. */
  readonly maxRequestBodyBytes: number;
  /** All headers of a request. */
  readonly maxHeaderBytes: number;
  /** A request's path with its query. */
  readonly maxUrlBytes: number;
  /** Messages kept for a client with stateful reconnect until it has acknowledged them. */
  readonly statefulReconnectBufferBytes: number;
}

/** How long peers may take, in milliseconds. */
export interface Timeouts {
  readonly handshakeMs: number;
  /** Between two pings to a client. */
  readonly keepAliveMs: number;
  /** Silence of a client that has pinged before. */
  readonly clientMs: number;
  /** From negotiate to the first attach, and from a lost socket to its reattach. */
  readonly disconnectMs: number;
  /** From one long poll to the next; a token may set its own. */
  readonly pollIdleMs: number;
  /** A long poll without anything to tell. */
  readonly pollMs: number;
  /** From our close frame to the client's. */
  readonly webSocketCloseMs: number;
  /** A client whose socket takes nothing at all. */
  readonly sendMs: number;
}
