import type { ServiceClaims } from "../protocol/service-message.ts";
import type { CallerClients } from "./audience.ts";
import type { Groups } from "./memberships.ts";

/** The client that a method or a hook is called for, and the way to others. */
export interface HubContext {
  readonly connectionId: string;
  /** As the negotiate answer named it; `undefined` for one without a name. */
  readonly userId: string | undefined;
  /** Types and values, the user's own: without those that are for the service. The service calls some types by long names, as .NET does. */
  readonly claims: ServiceClaims;
  /** Of the request that the client connected to the service with, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of that same request. */
  readonly query: URLSearchParams;
  /** The client's hub protocol. */
  readonly protocol: "json" | "messagepack";
  /** What the application keeps with the client. */
  readonly items: Map<unknown, unknown>;
  /** Aborted when the client is gone; in a method that streams to the client, also when the client does not want the rest. */
  readonly signal: AbortSignal;
  readonly clients: CallerClients;
  readonly groups: Groups;
  /** Closes the client. */
  abort(): void;
}

/** `HubContext` of a client; a method that streams gets one with a signal of its own. */
export class ClientContext implements HubContext {
  readonly #client: HubContext;
  readonly #signal: AbortSignal | undefined;

  constructor(client: HubContext, signal?: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  get connectionId(): string {
    return this.#client.connectionId;
  }

  get userId(): string | undefined {
    return this.#client.userId;
  }

  get claims(): ServiceClaims {
    return this.#client.claims;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#client.headers;
  }

  get query(): URLSearchParams {
    return this.#client.query;
  }

  get protocol(): "json" | "messagepack" {
    return this.#client.protocol;
  }

  get items(): Map<unknown, unknown> {
    return this.#client.items;
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#client.signal;
  }

  get clients(): CallerClients {
    return this.#client.clients;
  }

  get groups(): Groups {
    return this.#client.groups;
  }

  abort(): void {
    this.#client.abort();
  }
}
