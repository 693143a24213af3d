import type { Logger } from "pino";
import type { EmitEvent, HubwireEvent } from "../core/events.ts";

interface CatalogueEntry {
  /** `warn` and above: the operator should look. `info`: what explains a refused peer. `debug`: the daily traffic. */
  readonly level: "error" | "warn" | "info" | "debug";
  /** Constant text; what varies is in the event's fields. */
  readonly message: string;
}

/** Every event with its level and message. Names are stable: operators filter and count by them. */
const eventCatalogue = {
  "service.started": { level: "info", message: "Serving" },
  "service.stopping": { level: "info", message: "Stopping: clients are closed and may reconnect" },
  "service.stopped": { level: "info", message: "Stopped" },
  "client.refused": { level: "info", message: "Refused a client" },
  "client.opened": { level: "debug", message: "A client is connected" },
  "client.closed": { level: "debug", message: "A client is gone" },
  "client.handshake_failed": { level: "info", message: "A client failed the handshake" },
  "client.failed": { level: "error", message: "A client was closed by a fault of the service" },
  "client.reattached": { level: "debug", message: "A client reconnected and kept its connection" },
  "client.invocation_unhandled": { level: "info", message: "A client invoked what nobody handles" },
  "client.call_unanswered": { level: "debug", message: "A client did not answer a call" },
  "client.completion_ignored": { level: "debug", message: "A client answered what it was not asked" },
  "server.connected": { level: "info", message: "A server connection is up" },
  "server.disconnected": { level: "info", message: "A server connection is gone" },
  "server.refused": { level: "warn", message: "Refused a server connection" },
  "server.draining": { level: "info", message: "An app server shuts down" },
  "server.client_migrated": { level: "debug", message: "A client moved to another app server" },
  "server.message_dropped": { level: "warn", message: "A message of an app server was dropped" },
  "server.failed": { level: "error", message: "A server connection was closed by a fault of the service" },
  "upstream.answered": { level: "debug", message: "An upstream took an event" },
  "upstream.failed": { level: "warn", message: "An upstream did not take an event" },
  "upstream.dropped": { level: "warn", message: "An event was dropped before any upstream was called" },
  "upstream.unmatched": { level: "debug", message: "No upstream template matches" },
  "upstream.reloaded": { level: "info", message: "Upstream templates were read again" },
  "upstream.reload_failed": {
    level: "error",
    message: "The changed configuration cannot be used; the upstream templates stay as they were",
  },
  "rest.unauthorized": { level: "info", message: "Refused a REST call" },
  "rest.refused": { level: "info", message: "A REST call is not one that can be answered" },
  "rest.failed": { level: "error", message: "A REST call failed; this is a fault of the service" },
  "auth.issuer_keys_fetched": { level: "info", message: "Fetched the keys of a token issuer" },
  "auth.issuer_failed": { level: "warn", message: "The keys of a token issuer could not be fetched" },
  "store.expired": { level: "debug", message: "Deleted expired memberships" },
  "store.failed": { level: "error", message: "The membership store failed" },
} as const satisfies Record<HubwireEvent["name"], CatalogueEntry>;

/** Peers choose hub names, targets and paths; no log line grows with them beyond this. */
const MAX_FIELD_CHARACTERS = 256;

/** Writes each event as one line of the log: its fields, its name as `event`, and its message. */
export function logEvents(logger: Logger): EmitEvent {
  return (event) => {
    const { level, message } = eventCatalogue[event.name];
    if (logger.isLevelEnabled(level)) logger[level](fieldsOf(event), message);
  };
}

/** Counts events by name. */
export class EventCounter {
  readonly #counts = new Map<HubwireEvent["name"], number>();

  /** Counts one; bound, so that it can be passed on. */
  readonly emit: EmitEvent = ({ name }) => {
    this.#counts.set(name, this.of(name) + 1);
  };

  /** How many there were. */
  of(name: HubwireEvent["name"]): number {
    return this.#counts.get(name) ?? 0;
  }
}

function fieldsOf(event: HubwireEvent): Record<string, unknown> {
  const fields: Record<string, unknown> = { event: event.name };
  for (const [key, value] of Object.entries(event)) {
    if (key === "error")
      fields["err"] = value; // the name that the logger knows errors by
    else if (key !== "name") fields[key] = typeof value === "string" ? shortened(value) : value;
  }
  return fields;
}

function shortened(text: string): string {
  return text.length > MAX_FIELD_CHARACTERS ? `${text.slice(0, MAX_FIELD_CHARACTERS)}…` : text;
}
