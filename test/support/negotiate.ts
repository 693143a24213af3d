import assert from "node:assert/strict";
import { call } from "./http-call.ts";
import type { ClientTokenOptions, TestHubwire } from "./start-hubwire.ts";

/** A JSON hub protocol handshake, and what it is answered when it succeeds. */
export const HANDSHAKE = '{"protocol":"json","version":1}\x1e';
export const HANDSHAKE_REPLY = "{}\x1e";

export interface NegotiateOptions extends ClientTokenOptions {
  readonly version?: 0 | 1;
}

/** What a client knows after negotiating. */
export interface Negotiated {
  readonly connectionId: string;
  /** What the client says with `id`. */
  readonly token: string;
  /** Path and query of all that follows. */
  readonly path: string;
}

/** Negotiates a connection that nothing is attached to yet. */
export async function negotiate(hubwire: TestHubwire, options: NegotiateOptions = {}): Promise<Negotiated> {
  const { hub = "chat", version = 1 } = options;
  const { status, body } = await call(
    hubwire,
    "POST",
    `/client/negotiate?hub=${hub}&negotiateVersion=${version}`,
    { headers: bearer(hubwire.clientToken(options)) },
  );
  assert.equal(status, 200, body);
  const { connectionId, connectionToken } = JSON.parse(body) as Record<string, string>;
  const token = connectionToken ?? connectionId ?? "";
  return { connectionId: connectionId ?? "", token, path: `/client/?hub=${hub}&id=${token}` };
}

export function bearer(token: string): { Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}
