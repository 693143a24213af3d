import type { Clock } from "../core/clock.ts";
import type { Limits, Timeouts } from "../core/limits.ts";
import type { Outbox } from "../core/outbox.ts";
import type { Sweep, Sweepable } from "../core/sweep.ts";

/** A transport, or what waits for one: it times out, and goes when the node stops. */
export interface OpenTransport extends Sweepable {
  destroy(): void;
}

/** What every transport of a node shares. */
export interface TransportContext {
  readonly clock: Clock;
  readonly sweep: Sweep<OpenTransport>;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  /** One outbox per form in which messages are written, so that their clients share batches. */
  readonly outboxes: {
    /** JSON over WebSockets. */
    readonly Text: Outbox;
    /** MessagePack over WebSockets. */
    readonly Binary: Outbox;
    readonly ServerSentEvents: Outbox;
    readonly LongPolling: Outbox;
  };
}
