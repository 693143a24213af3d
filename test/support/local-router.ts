import { ClientInvocations, type ClientInvocationsOptions } from "../../src/core/client-invocations.ts";
import { LocalRouter } from "../../src/core/local-router.ts";
import { ManualClock } from "./manual-clock.ts";

/** A router for clients without a network. */
export function localRouter(): LocalRouter {
  return new LocalRouter(clientInvocations());
}

/** What a router keeps of calls: at most 100, each for 90 seconds of a clock that stands still. */
export function clientInvocations(options: Partial<ClientInvocationsOptions> = {}): ClientInvocations {
  return new ClientInvocations({
    clock: new ManualClock(),
    emit: () => {},
    timeoutMs: 90_000,
    maxPending: 100,
    ...options,
  });
}
