import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setImmediate as runAtEndOfTurn } from "node:timers";
import { setImmediate } from "node:timers/promises";
import fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { MetricsListener } from "./admin/metrics-listener.ts";
import { AppServers, type AppServersOptions } from "./app-servers/app-servers.ts";
import { ServerAdmission } from "./app-servers/server-admission.ts";
import { Authorizer } from "./auth/authorizer.ts";
import { formatConnectionString } from "./auth/connection-string.ts";
import { IssuedKeys } from "./auth/issued-keys.ts";
import { OidcVerifier } from "./auth/oidc-verifier.ts";
import { TokenVerifier } from "./auth/token-verifier.ts";
import type { Config, ConfigOptions } from "./config/config.ts";
import { configFrom } from "./config/load.ts";
import { publicEndpoint } from "./config/public-endpoint.ts";
import { type UsableTemplates, usableTemplates } from "./config/upstream-secrets.ts";
import { ClientInvocations } from "./core/client-invocations.ts";
import type { ClientSession } from "./core/client-session.ts";
import { ClientSessions } from "./core/client-sessions.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import type { EmitEvent } from "./core/events.ts";
import { readHubRequest } from "./core/hub-request.ts";
import type { Limits, Timeouts } from "./core/limits.ts";
import { LocalRouter } from "./core/local-router.ts";
import { Outbox } from "./core/outbox.ts";
import type { ChooseBackend, CloseReason, MembershipStore } from "./core/ports.ts";
import { Sweep } from "./core/sweep.ts";
import { UserGroups } from "./core/user-groups.ts";
import { CallCounts } from "./rest/call-counts.ts";
import { answerBadUrl, restApi } from "./rest/rest-api.ts";
import { createHttpServer } from "./server/http-server.ts";
import { MemoryMembershipStore } from "./store/memory-membership-store.ts";
import { openSqliteMembershipStore } from "./store/sqlite-membership-store.ts";
import { logEvents } from "./telemetry/events.ts";
import type { NodeReadings } from "./telemetry/metrics.ts";
import type { NodeMetrics } from "./telemetry/node-metrics.ts";
import { packageVersion } from "./telemetry/package-version.ts";
import { acceptsEventStream } from "./transports/accepts-event-stream.ts";
import { ClientAdmission } from "./transports/client-admission.ts";
import { clientEndpoint } from "./transports/client-endpoint.ts";
import { Connections } from "./transports/connections.ts";
import type { OpenTransport, TransportContext } from "./transports/transport-context.ts";
import { WebSocketEndpoint } from "./transports/web-socket-endpoint.ts";
import { TemplateReload } from "./upstream/template-reload.ts";
import { UpstreamBackend, type UpstreamLimits } from "./upstream/upstream-backend.ts";
import { isWebSocketUpgrade } from "./websocket/handshake.ts";
import { refuseUpgrade } from "./websocket/upgrade.ts";

const MEMBERSHIPS_FILE = "memberships.db";
const SWEEP_INTERVAL_MS = 1_000;
const EXPIRE_INTERVAL_MS = 60_000;
const SERVICE_RELOAD: CloseReason = {
  category: "ServiceReload",
  message: "Service reloading, try reconnecting",
  allowReconnect: true,
};

/** What `createHubwire` takes: any part of the configuration, and the doors that tests need. */
export interface HubwireOptions extends ConfigOptions {
  readonly clock?: Clock;
  /** Gets every event of the service; without it they go nowhere. */
  readonly emit?: EmitEvent;
}

/** How much the node holds; all zero when nobody is connected. */
export interface HubwireSize {
  readonly hubs: number;
  readonly clients: number;
  readonly groups: number;
  readonly users: number;
  /** Clients in or past the handshake. */
  readonly sessions: number;
  /** Negotiated connections. */
  readonly connections: number;
  /** Transports, and connections that wait for one. */
  readonly transports: number;
  /** Methods of clients that were called and not answered yet. */
  readonly invocations: number;
  /** Connections of app servers. */
  readonly serverConnections: number;
  /** The same as `invocations`, by app servers. */
  readonly serverInvocations: number;
}

/** One Hubwire node inside this process. */
export interface Hubwire extends AsyncDisposable {
  /** Listens, and resolves when clients and callers are served. */
  start(): Promise<void>;
  /** Where it is reached: `publicUrl` if configured, else what it listens on. */
  readonly url: string;
  /** What applications put into their configuration. */
  readonly connectionString: string;
  /** Where Prometheus scrapes it, once it has started and if `metrics.port` is set. */
  readonly metricsUrl: string | undefined;
  readonly size: HubwireSize;
  /** Closes clients so that they reconnect, waits for them within the grace period, and ends. */
  stop(): Promise<void>;
}

/**
 * Makes a node for tests and other embedders. Unlike the command it listens on any free port and keeps
 * memberships in memory unless told otherwise.
 *
 * @example
 * await using hubwire = createHubwire();
 * await hubwire.start();
 * connect(hubwire.connectionString);
 * @throws {ConfigError} listing everything that is wrong with the options
 */
export function createHubwire({
  clock = systemClock,
  emit = () => {},
  ...options
}: HubwireOptions = {}): Hubwire {
  const config = configFrom({ port: 0, ...options }, process.env);
  return new HubwireNode({ config, dataDir: options.dataDir, clock, emit });
}

/** Where the configuration of a running node can be read again. */
export interface ConfigFileSource {
  readonly file: string;
  /** @throws {ConfigError} */
  readonly load: () => Config;
}

/**
 * Starts the node of the command: as configured, with its events in the log.
 * @param source whose upstream templates are read again when the file changes
 * @throws {StoreError} when the data folder cannot be used, and node's errors when it cannot listen
 */
export async function startFromConfig(
  config: Config,
  logger: Logger,
  source?: ConfigFileSource,
): Promise<Hubwire> {
  const node = new HubwireNode({
    config,
    dataDir: config.dataDir,
    clock: systemClock,
    emit: logEvents(logger),
    source,
  });
  await node.start();
  return node;
}

interface NodeOptions {
  readonly config: Config;
  /** Where memberships are kept; `undefined` for in memory. */
  readonly dataDir: string | undefined;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly source?: ConfigFileSource | undefined;
}

class HubwireNode implements Hubwire {
  readonly #config: Config;
  readonly #dataDir: string | undefined;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #invocations: ClientInvocations;
  readonly #router: LocalRouter;
  readonly #sessionSweep = new Sweep<ClientSession>();
  readonly #sessions: ClientSessions;
  readonly #connections: Connections;
  readonly #transports = new Sweep<OpenTransport>();
  readonly #context: TransportContext;
  readonly #upstream: UpstreamBackend;
  readonly #templates: UsableTemplates;
  readonly #source: ConfigFileSource | undefined;
  readonly #resources = new AsyncDisposableStack();
  #app: FastifyInstance | undefined;
  #appServers: AppServers | undefined;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #endpoint: { readonly endpoint: string; readonly port: number };
  #userGroups: UserGroups | undefined;
  readonly #restCalls = new CallCounts();
  #metrics: NodeMetrics | undefined;
  #metricsUrl: string | undefined;

  constructor({ config, dataDir, clock, emit: tell, source }: NodeOptions) {
    const emit: EmitEvent = (event) => {
      this.#metrics?.count(event);
      tell(event);
    };
    this.#config = config;
    this.#source = source;
    this.#templates = usableTemplates(config.upstream.templates, process.env);
    const { retries, rejectOnConnectedFailure } = config.upstream;
    this.#upstream = new UpstreamBackend({
      templates: this.#templates.templates,
      accessKeys: config.accessKeys,
      limits: upstreamLimitsOf(config),
      retries,
      rejectOnConnectedFailure,
      clock,
      emit,
      // The router has taken those that were asked for.
      completed: ({ origin: { hub, connectionId } }) =>
        emit({ name: "client.completion_ignored", hub, connectionId }),
    });
    this.#endpoint = publicEndpoint(config);
    this.#dataDir = dataDir;
    this.#clock = clock;
    this.#emit = emit;
    const limits: Limits = config.limits;
    const timeouts = timeoutsOf(config);
    const outbox = (): Outbox => new Outbox((flush) => void runAtEndOfTurn(flush));
    this.#invocations = new ClientInvocations({
      clock,
      emit,
      timeoutMs: config.timeouts.clientResultSeconds * 1_000,
      maxPending: config.limits.maxPendingInvocations,
    });
    this.#router = new LocalRouter(this.#invocations);
    this.#sessions = new ClientSessions({
      router: this.#router,
      limits,
      timeouts,
      clock,
      sweep: this.#sessionSweep,
      emit,
      groupsOf: async (hub, userId) => (await this.#userGroups?.groupsOf(hub, userId)) ?? [],
    });
    this.#context = {
      clock,
      limits,
      timeouts,
      sweep: this.#transports,
      outboxes: { Text: outbox(), Binary: outbox(), ServerSentEvents: outbox(), LongPolling: outbox() },
    };
    this.#connections = new Connections(this.#context, this.#sessions);
  }

  get url(): string {
    const { endpoint, port } = this.#endpoint;
    const url = new URL(endpoint);
    url.port = String(port);
    return url.href.replace(/\/$/, "");
  }

  get connectionString(): string {
    const [accessKey = ""] = this.#config.accessKeys;
    return formatConnectionString({ ...this.#endpoint, accessKey });
  }

  get metricsUrl(): string | undefined {
    return this.#metricsUrl;
  }

  get size(): HubwireSize {
    return {
      ...this.#router.size,
      sessions: this.#sessions.size,
      connections: this.#connections.size,
      transports: this.#transports.size,
      invocations: this.#invocations.size,
      ...(this.#appServers?.size ?? { serverConnections: 0, serverInvocations: 0 }),
    };
  }

  async start(): Promise<void> {
    const store = this.#openStore();
    this.#resources.use(store);
    this.#resources.use(this.#upstream);
    this.#userGroups = new UserGroups(store, this.#router, this.#clock);
    const app = await this.#createApp(this.#userGroups);
    this.#app = app;
    try {
      await this.#serveMetrics();
      await app.listen({ port: this.#config.port, host: this.#config.host, backlog: 4096 });
    } catch (error) {
      await this.#resources.disposeAsync();
      throw error;
    }
    const { port } = app.server.address() as AddressInfo;
    this.#endpoint = publicEndpoint({ ...this.#config, port });
    this.#resources.use(this.#clock.every(SWEEP_INTERVAL_MS, () => this.#sweep()));
    this.#resources.use(this.#clock.every(EXPIRE_INTERVAL_MS, () => void this.#expire(store)));
    if (this.#source !== undefined) this.#resources.use(this.#templateReload(this.#source));
    this.#emit({ name: "service.started", url: this.url });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serveMetrics(): Promise<void> {
    const { port, host, maxHubs } = this.#config.metrics;
    if (port === undefined) return;
    // Only here: its library takes 20 MB.
    const { NodeMetrics } = await import("./telemetry/node-metrics.ts");
    const version = packageVersion();
    this.#metrics = new NodeMetrics({ readings: () => this.#readings(version), maxHubs });
    const listener = await MetricsListener.open({ host, port, source: this.#metrics, emit: this.#emit });
    this.#resources.use(listener);
    this.#metricsUrl = listener.url;
    this.#emit({ name: "metrics.listening", url: listener.url });
  }

  #readings(version: string): NodeReadings {
    const { Text, Binary, ServerSentEvents, LongPolling } = this.#context.outboxes;
    const { receivedMessages: messages, receivedBytes: bytes } = this.#sessions;
    return {
      version,
      size: this.size,
      upstream: { clients: this.#upstream.size, heldBytes: this.#upstream.heldBytes },
      received: { messages, bytes },
      sent: [
        ["WebSockets", Text],
        ["WebSockets", Binary],
        ["ServerSentEvents", ServerSentEvents],
        ["LongPolling", LongPolling],
      ],
      restCalls: this.#restCalls,
    };
  }

  #openStore(): MembershipStore {
    return this.#dataDir === undefined
      ? new MemoryMembershipStore()
      : openSqliteMembershipStore(join(this.#dataDir, MEMBERSHIPS_FILE));
  }

  async #createApp(userGroups: UserGroups): Promise<FastifyInstance> {
    const { accessKeys, auth, limits, cors } = this.#config;
    const issuedKeys = new IssuedKeys(accessKeys, this.#clock);
    const issuers = new OidcVerifier(auth.issuers, this.#clock, this.#emit);
    const authorizer = new Authorizer(new TokenVerifier(accessKeys, this.#clock), issuers);
    const appServers = this.#newAppServers({ userGroups, issuedKeys, issuers });
    this.#appServers = appServers;
    const serverAdmission = new ServerAdmission({
      authorizer,
      emit: this.#emit,
      closedBecause: () => this.#closedToServersBecause(appServers),
    });
    const admission = new ClientAdmission({
      verifier: new TokenVerifier(accessKeys, this.#clock, issuedKeys),
      chooseBackend: this.#chooseBackend(appServers),
      emit: this.#emit,
      closedBecause: () => this.#closedBecause(),
    });
    const webSockets = new WebSocketEndpoint(this.#connections, admission, cors.allowedOrigins);
    const app = fastify({
      serverFactory: (handler) =>
        createHttpServer(
          limits,
          {
            wants: (request) => isWebSocketUpgrade(request) && !acceptsEventStream(request),
            accept: (upgrade) => {
              const request = readHubRequest(upgrade.request);
              if (request.path === "/client") return webSockets.accept(request, upgrade);
              if (request.path === "/server") return appServers.accept(serverAdmission, request, upgrade);
              refuseUpgrade(upgrade.socket, { status: 404, text: "Not found" });
            },
          },
          handler,
        ),
      bodyLimit: limits.maxRequestBodyBytes,
      frameworkErrors: answerBadUrl,
      clientErrorHandler: () => {}, // the server's own does it
      return503OnClosing: false,
      routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: limits.maxUrlBytes },
    });
    // A connection that is busy when the service stops would else stay for as long as the client keeps it alive.
    app.addHook("onSend", async (_request, reply) => {
      if (this.#isStopping) void reply.header("Connection", "close");
    });
    await app.register(restApi, {
      router: this.#router,
      userGroups,
      issuedKeys,
      accessKey: accessKeys[0] ?? "",
      connectionTokens: this.#connections,
      clock: this.#clock,
      publicUrl: this.#config.publicUrl,
      authorizer,
      emit: this.#emit,
      calls: this.#restCalls,
      ready: () => !this.#isStopping,
    });
    await app.register(clientEndpoint, {
      connections: this.#connections,
      admission,
      allowedOrigins: cors.allowedOrigins,
    });
    return app;
  }

  /** The service mode. */
  #chooseBackend(appServers: AppServers): ChooseBackend {
    switch (this.#config.mode) {
      case "serverless":
        return () => this.#upstream;
      case "auto":
        return (hub) => appServers.backendOf(hub) ?? this.#upstream;
      case "default":
        return (hub) =>
          appServers.backendOf(hub) ?? {
            refused: `No app server is connected for hub '${hub}', and mode 'default' needs one.`,
          };
    }
  }

  #newAppServers(parts: Pick<AppServersOptions, "userGroups" | "issuedKeys" | "issuers">): AppServers {
    const { limits, timeouts, mode } = this.#config;
    return new AppServers({
      ...parts,
      router: this.#router,
      connectionTokens: this.#connections,
      clock: this.#clock,
      emit: this.#emit,
      limits,
      timeouts: {
        ...timeoutsOf(this.#config),
        serverPingMs: timeouts.serverPingSeconds * 1_000,
        serverMs: timeouts.serverSeconds * 1_000,
        serverResultMs: timeouts.serverResultSeconds * 1_000,
      },
      schedule: (flush) => void runAtEndOfTurn(flush),
      instanceId: randomUUID(),
      takesClients: mode !== "serverless",
      countClients: (hub) => this.#router.clientsOf(hub),
    });
  }

  #templateReload({ file, load }: ConfigFileSource): TemplateReload {
    const withFile = ({ templates, files }: UsableTemplates): UsableTemplates => ({
      templates,
      files: [file, ...files],
    });
    return new TemplateReload({
      load: () => withFile(usableTemplates(load().upstream.templates, process.env)),
      loaded: withFile(this.#templates),
      use: (templates) => this.#upstream.useTemplates(templates),
      clock: this.#clock,
      emit: this.#emit,
    });
  }

  #closedBecause(): { status: number; text: string } | undefined {
    if (this.#isStopping) return { status: 503, text: SERVICE_RELOAD.message };
    if (this.#connections.isFull)
      return { status: 429, text: "Too many connections have not finished their handshake." };
    return undefined;
  }

  #closedToServersBecause(appServers: AppServers): { status: number; text: string } | undefined {
    if (this.#isStopping) return { status: 503, text: SERVICE_RELOAD.message };
    if (appServers.isFull) return { status: 429, text: "Too many server connections." };
    return undefined;
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#sessionSweep.tick(nowMs);
    this.#transports.tick(nowMs);
    this.#upstream.tick(nowMs);
    this.#invocations.tick(nowMs);
    this.#appServers?.tick(nowMs);
  }

  async #expire(store: MembershipStore): Promise<void> {
    try {
      let memberships = 0;
      for (let deleted = -1; deleted !== 0; memberships += deleted) {
        deleted = await store.expire(this.#clock.epochMs());
        await setImmediate();
      }
      if (memberships > 0) this.#emit({ name: "store.expired", memberships });
    } catch (error) {
      this.#emit({ name: "store.failed", error });
    }
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    const app = this.#app;
    if (app !== undefined && app.server.listening) {
      this.#emit({ name: "service.stopping", clients: this.#router.size.clients });
      this.#sessions.endAll(SERVICE_RELOAD);
      this.#connections.forgetUnattached();
      this.#appServers?.close();
      const cut = setTimeout(() => this.#cut(app), this.#config.shutdownGraceSeconds * 1_000);
      const closed = once(app.server, "close");
      await app.close();
      await closed;
      await this.#upstream.drained();
      clearTimeout(cut);
      // Those of long-polling clients that did not come back to learn that they are closed.
      for (const transport of this.#transports) transport.destroy();
    }
    this.#appServers?.destroy();
    await this.#resources.disposeAsync();
    this.#emit({ name: "service.stopped" });
  }

  /** The grace period is over: whoever is still here is dropped. */
  #cut(app: FastifyInstance): void {
    for (const transport of this.#transports) transport.destroy();
    this.#appServers?.destroy();
    app.server.closeAllConnections();
    this.#upstream.cut();
  }
}

function upstreamLimitsOf({ limits, upstream }: Config): UpstreamLimits {
  return {
    ...upstream,
    timeoutMs: upstream.timeoutSeconds * 1_000,
    // A larger one would close the client that waits for it.
    maxReplyBytes: Math.min(upstream.maxReplyBytes, limits.maxBufferedBytes),
  };
}

function timeoutsOf({ timeouts }: Config): Timeouts {
  return {
    handshakeMs: timeouts.handshakeSeconds * 1_000,
    keepAliveMs: timeouts.keepAliveSeconds * 1_000,
    clientMs: timeouts.clientSeconds * 1_000,
    disconnectMs: timeouts.disconnectSeconds * 1_000,
    pollIdleMs: timeouts.pollIdleSeconds * 1_000,
    pollMs: timeouts.pollSeconds * 1_000,
    webSocketCloseMs: timeouts.webSocketCloseSeconds * 1_000,
    sendMs: timeouts.sendSeconds * 1_000,
  };
}
