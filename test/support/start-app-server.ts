import {
  type AppServer,
  type AppServerEvent,
  type AppServerOptions,
  createAppServer,
} from "../../src/app-server-sdk/index.ts";
import { ManualClock } from "./manual-clock.ts";
import { type ServiceEnd, TestService } from "./test-service.ts";

/** An app server of the hub `chat` under test, on a stand-in for the service; with a clock that stands still. */
export class TestAppServer implements AsyncDisposable {
  readonly service: TestService;
  readonly clock: ManualClock = new ManualClock();
  readonly events: AppServerEvent[] = [];
  readonly app: AppServer;
  #changed: () => void = () => {};

  constructor(service: TestService, options: Partial<AppServerOptions>) {
    this.service = service;
    this.app = createAppServer({
      connectionString: service.connectionString,
      hub: "chat",
      connections: 1,
      serverName: "ours",
      clock: this.clock,
      log: (event) => {
        this.events.push(event);
        this.#changed();
      },
      ...options,
    });
  }

  /** One whose only server connection is up, and the service's end of that. */
  static async start(
    options: Partial<AppServerOptions> = {},
  ): Promise<{ server: TestAppServer; end: ServiceEnd }> {
    const server = new TestAppServer(await TestService.start(), options);
    const started = server.app.start();
    const end = await server.service.connected();
    await end.accept();
    await started;
    return { server, end };
  }

  /** Resolves when an event of this name has come, which is taken out. */
  async event<Name extends AppServerEvent["name"]>(
    name: Name,
  ): Promise<Extract<AppServerEvent, { name: Name }>> {
    for (;;) {
      const index = this.events.findIndex((event) => event.name === name);
      if (index >= 0) return this.events.splice(index, 1)[0] as Extract<AppServerEvent, { name: Name }>;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed = resolve;
      await promise;
    }
  }

  /** Stops it as a service would let it go, and checks that nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.app.stop();
    this.clock.advance(120_000);
    await stopped;
    await this.service[Symbol.asyncDispose]();
    const { connections, clients } = this.app.size;
    if (connections + clients + this.clock.timers > 0)
      throw new Error(`left: ${JSON.stringify(this.app.size)}, ${this.clock.timers} timers`);
  }
}
