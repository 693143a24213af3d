/** What a client may connect with, best first. */
type NegotiateTransport = "WebSockets" | "ServerSentEvents" | "LongPolling";

const TRANSFER_FORMATS: Readonly<Record<NegotiateTransport, readonly string[]>> = {
  WebSockets: ["Text", "Binary"],
  ServerSentEvents: ["Text"],
  LongPolling: ["Text", "Binary"],
};

const MAX_INT32 = 2 ** 31 - 1;

/**
 * Chooses the negotiate version, docs/spec/client-endpoint.md §1.2.
 * @param values all values of `negotiateVersion` in the query. Redirects make clients repeat it, so that the last
 * one that is any good counts; none at all means version 0.
 */
export function negotiateVersion(values: readonly string[]): { version: 0 | 1 } | { error: string } {
  if (values.length === 0) return { version: 0 };
  const numbers = values.filter((value) => /^[+-]?\d+$/.test(value)).map(Number);
  const integers = numbers.filter((number) => number >= -MAX_INT32 - 1 && number <= MAX_INT32);
  const requested = integers.findLast((integer) => integer >= 0);
  if (requested !== undefined) return { version: requested === 0 ? 0 : 1 };
  const refused = integers.at(-1);
  if (refused === undefined) return { error: "The client requested a non-integer protocol version." };
  return {
    error: `The client requested version '${refused}', but the server does not support this version.`,
  };
}

/** What a client learns from negotiating. */
export interface NegotiateAnswer {
  readonly version: 0 | 1;
  /** Public id. */
  readonly connectionId: string;
  /** Secret that the client connects with; in version 0 it is the connection id and not told apart. */
  readonly connectionToken: string;
  /** In the order in which clients shall try them. */
  readonly transports: readonly NegotiateTransport[];
  /** Only `true` for a client that asked: others give up when they are told. */
  readonly statefulReconnect: boolean;
}

/** The body of a successful negotiate response, docs/spec/client-endpoint.md §1.3. */
export function negotiateResponse(answer: NegotiateAnswer): string {
  return JSON.stringify({
    negotiateVersion: answer.version,
    connectionId: answer.connectionId,
    ...(answer.version === 1 && { connectionToken: answer.connectionToken }),
    availableTransports: answer.transports.map((transport) => ({
      transport,
      transferFormats: TRANSFER_FORMATS[transport],
    })),
    ...(answer.statefulReconnect && { useStatefulReconnect: true }),
  });
}

/** The body of a negotiate response (status 200 as well) that makes the client fail with this text. */
export function negotiateError(text: string): string {
  return JSON.stringify({ error: text });
}
