/** The transports a client may use, as negotiate names them. */
export type TransportName = "WebSockets" | "ServerSentEvents" | "LongPolling";

/** Who a client is: what its token said, read once when it connects. */
export interface ClientIdentity {
  /** Routing key for users; `undefined` for an anonymous client. */
  readonly userId: string | undefined;
  /** Every claim of the token in its order, `[type, value]`; array values appear once per item. Read anew each time. */
  readonly claims: readonly (readonly [type: string, value: string])[];
  /** Transports that the token allows (`asrs.s.htt`). */
  readonly transports: readonly TransportName[];
  /** How long the hub handshake may take (`asrs.s.cht`), in milliseconds; `undefined` for the service's own limit. */
  readonly handshakeTimeoutMs: number | undefined;
  /** How long a long-polling client may go without a poll (`asrs.s.ttl`), in milliseconds. */
  readonly pollIdleMs: number | undefined;
  /** Whether close and handshake errors may tell details (`asrs.s.derror`). */
  readonly detailedErrors: boolean;
  /** When the client must be closed, in milliseconds since the epoch (`asrs.s.coae` with `asrs.s.aeo`). */
  readonly closeAtMs: number | undefined;
}
