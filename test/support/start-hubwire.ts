import { createHubwire, type Hubwire, type HubwireOptions } from "../../src/app.ts";
import { mintClientToken, mintRestToken } from "../../src/auth/token.ts";
import type { HubwireEvent } from "../../src/core/events.ts";
import { ManualClock } from "./manual-clock.ts";

export const ACCESS_KEY = "test-key-0123456789-0123456789";

/** A client's token, as an application's negotiate endpoint makes it. */
export interface ClientTokenOptions {
  readonly hub?: string;
  readonly userId?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly lifetimeSeconds?: number;
}

/** What a REST call takes besides its method and path. */
export interface RestInit extends Omit<RequestInit, "headers" | "method"> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A node under test on a free port, with a clock that stands still and everything a test asks of it. */
export class TestHubwire implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly events: HubwireEvent[] = [];
  readonly node: Hubwire;
  readonly #waiting = new Set<() => void>();

  private constructor(options: HubwireOptions) {
    this.node = createHubwire({
      accessKeys: [ACCESS_KEY],
      clock: this.clock,
      emit: (event) => {
        this.events.push(event);
        for (const check of this.#waiting) check();
      },
      ...options,
    });
  }

  static async start(options: HubwireOptions = {}): Promise<TestHubwire> {
    const hubwire = new TestHubwire(options);
    await hubwire.node.start();
    return hubwire;
  }

  get url(): string {
    return this.node.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  clientToken({ hub = "chat", userId, claims, lifetimeSeconds = 3600 }: ClientTokenOptions = {}): string {
    return mintClientToken({
      endpoint: this.url,
      hub,
      userId,
      claims,
      lifetimeSeconds,
      accessKey: ACCESS_KEY,
      nowMs: this.clock.epochMs(),
    });
  }

  /** The client URL of a hub, as negotiate endpoints hand it out. */
  clientUrl(hub = "chat"): string {
    return `${this.url}/client/?hub=${hub}`;
  }

  /** Calls the REST API; the token is for exactly this path. */
  rest(method: string, pathAndQuery: string, { headers, ...init }: RestInit = {}): Promise<Response> {
    const url = `${this.url}${pathAndQuery}`;
    const token = mintRestToken({
      url,
      accessKey: ACCESS_KEY,
      lifetimeSeconds: 3600,
      nowMs: this.clock.epochMs(),
    });
    return fetch(url, { method, ...init, headers: { Authorization: `Bearer ${token}`, ...headers } });
  }

  /** Sends an invocation by REST: `to` is `""`, `groups/g/`, `users/u/` or `connections/c/`. */
  async send(to: string, target: string, args: readonly unknown[], hub = "chat"): Promise<void> {
    const response = await this.rest("POST", `/api/hubs/${hub}/${to}:send?api-version=2022-06-01`, {
      body: JSON.stringify({ target, arguments: args }),
      headers: { "Content-Type": "application/json" },
    });
    if (response.status !== 202) throw new Error(`send: ${response.status} ${await response.text()}`);
  }

  /** Resolves when an event of this name fulfils the condition; one that came before counts. */
  event<Name extends HubwireEvent["name"]>(
    name: Name,
    condition: (event: Extract<HubwireEvent, { name: Name }>) => boolean = () => true,
  ): Promise<Extract<HubwireEvent, { name: Name }>> {
    const isIt = (event: HubwireEvent): event is Extract<HubwireEvent, { name: Name }> =>
      event.name === name && condition(event as Extract<HubwireEvent, { name: Name }>);
    return new Promise((resolve) => {
      const check = (): void => {
        const event = this.events.find(isIt);
        if (event === undefined) return;
        this.#waiting.delete(check);
        resolve(event);
      };
      this.#waiting.add(check);
      check();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }
}
