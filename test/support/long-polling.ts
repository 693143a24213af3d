import assert from "node:assert/strict";
import { call } from "./http-call.ts";
import {
  HANDSHAKE,
  HANDSHAKE_REPLY,
  type Negotiated,
  type NegotiateOptions,
  negotiate,
} from "./negotiate.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** A client in its hub that polls; no poll is under way. */
export async function connectLongPolling(
  hubwire: TestHubwire,
  options: NegotiateOptions = {},
): Promise<Negotiated> {
  const negotiated = await negotiate(hubwire, options);
  const { path } = negotiated;
  assert.equal((await call(hubwire, "GET", path)).status, 200);
  assert.equal((await call(hubwire, "POST", path, { body: HANDSHAKE })).status, 200);
  assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
  return negotiated;
}
