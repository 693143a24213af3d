import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance, type LightMyRequestResponse } from "fastify";
import { Authorizer } from "../../src/auth/authorizer.ts";
import { IssuedKeys } from "../../src/auth/issued-keys.ts";
import { type OidcIssuer, OidcVerifier } from "../../src/auth/oidc-verifier.ts";
import { mintRestToken } from "../../src/auth/token.ts";
import { TokenVerifier } from "../../src/auth/token-verifier.ts";
import { Client } from "../../src/core/client.ts";
import type { ClientInvocations } from "../../src/core/client-invocations.ts";
import type { EmitEvent, HubwireEvent } from "../../src/core/events.ts";
import type { ClientIdentity } from "../../src/core/identity.ts";
import { LocalRouter } from "../../src/core/local-router.ts";
import type { Authentication, CloseReason, MembershipStore, Router } from "../../src/core/ports.ts";
import { UserGroups } from "../../src/core/user-groups.ts";
import type { HubProtocolName } from "../../src/protocol/hub-protocol.ts";
import { hubProtocols } from "../../src/protocol/hub-protocols.ts";
import { CallCounts } from "../../src/rest/call-counts.ts";
import { answerBadUrl, restApi } from "../../src/rest/rest-api.ts";
import { createHttpServer } from "../../src/server/http-server.ts";
import { MemoryMembershipStore } from "../../src/store/memory-membership-store.ts";
import { clientOrigin } from "./client-origin.ts";
import { clientInvocations } from "./local-router.ts";
import { ManualClock } from "./manual-clock.ts";
import { RecordingTransport } from "./recording-transport.ts";

const ACCESS_KEY = "test-key-0123456789-0123456789";
const MAX_BODY_BYTES = 1_000_000;
const LIMITS = {
  maxRelayedMessageBytes: 1_048_576,
  maxMessageBytes: 1_000_000,
  maxHandshakeBytes: 4096,
  maxBufferedBytes: 1_000_000,
  maxPendingConnections: 100,
  maxRequestBodyBytes: MAX_BODY_BYTES,
  maxHeaderBytes: 16_384,
  maxUrlBytes: 12_288,
  statefulReconnectBufferBytes: 100_000,
};

/** A client without a network, and what the REST API did to it. */
export interface RestClient {
  /** Framed hub messages that it was sent. */
  readonly sent: readonly string[];
  readonly closedBecause: readonly CloseReason[];
  readonly identity: ClientIdentity;
  /** Has it answer every invocation with an id from now on, by what this makes of the id; nothing for no answer. */
  answers(answer: (invocationId: string) => Buffer | undefined): void;
  /** Has it say any hub message; whether that was taken for an answer. */
  says(message: Buffer): boolean;
  /** Ends it, as when its user leaves. */
  leave(): void;
}

/** What a test sends. */
export interface RestRequest {
  readonly body?: string | Buffer;
  /** Added to a token for this very path, and to a JSON content type where there is a body. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The REST API over a real router and store, without transports: clients are recorded. */
export class RestNode implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly events: HubwireEvent[] = [];
  readonly invocations: ClientInvocations = clientInvocations({
    clock: this.clock,
    emit: (event) => void this.events.push(event),
  });
  readonly router: LocalRouter = new LocalRouter(this.invocations);
  readonly userGroups: UserGroups;
  readonly calls: CallCounts = new CallCounts();
  readonly app: FastifyInstance;
  /** By connection token. */
  readonly authentications: Map<string, Authentication> = new Map();
  /** Signs tokens. */
  readonly accessKey: string = ACCESS_KEY;
  isReady = true;

  private constructor(store: MembershipStore, app: FastifyInstance) {
    this.userGroups = new UserGroups(store, this.router, this.clock);
    this.app = app;
  }

  /** @param parts what takes the place of the real ones */
  static async start(
    parts: {
      readonly store?: MembershipStore;
      readonly router?: Router;
      readonly issuers?: readonly OidcIssuer[];
      readonly publicUrl?: string;
    } = {},
  ): Promise<RestNode> {
    const app = fastify({
      serverFactory: (handler) =>
        createHttpServer(LIMITS, { wants: () => false, accept: ({ socket }) => socket.destroy() }, handler),
      bodyLimit: MAX_BODY_BYTES,
      frameworkErrors: answerBadUrl,
      clientErrorHandler: () => {}, // the server's own does it
      routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: LIMITS.maxUrlBytes },
    });
    const node = new RestNode(parts.store ?? new MemoryMembershipStore(), app);
    const emit: EmitEvent = (event) => void node.events.push(event);
    await app.register(restApi, {
      router: parts.router ?? node.router,
      userGroups: node.userGroups,
      issuedKeys: new IssuedKeys([ACCESS_KEY], node.clock),
      accessKey: ACCESS_KEY,
      connectionTokens: { authentication: (token) => node.authentications.get(token) },
      clock: node.clock,
      publicUrl: parts.publicUrl,
      authorizer: new Authorizer(
        new TokenVerifier([ACCESS_KEY], node.clock),
        new OidcVerifier(parts.issuers ?? [], node.clock, emit),
      ),
      emit,
      calls: node.calls,
      ready: () => node.isReady,
    });
    await app.ready();
    return node;
  }

  /** From now on the token is that of a connection that was authenticated so. */
  authenticate(token: string, { hub, identity }: Pick<Authentication, "hub" | "identity">): void {
    const renew = (renewed: ClientIdentity): void => this.authenticate(token, { hub, identity: renewed });
    this.authentications.set(token, { hub, identity, renew });
  }

  /** Listens on a free port, for what only a socket shows. */
  async listen(): Promise<number> {
    await this.app.listen({ port: 0, host: "127.0.0.1" });
    return (this.app.server.address() as AddressInfo).port;
  }

  /** A client that is in its hub, and in these groups. */
  connect(
    connectionId: string,
    options: { hub?: string; userId?: string; groups?: readonly string[]; protocol?: HubProtocolName } = {},
  ): RestClient {
    const { hub = "chat", userId, groups = [], protocol = "json" } = options;
    const transport = new RecordingTransport();
    const closedBecause: CloseReason[] = [];
    const leave = (): void => this.router.unregister(client);
    const codec = hubProtocols[protocol];
    const client = new Client(
      clientOrigin(connectionId, { hub, userId }),
      codec,
      { transport, resumption: undefined, maxBufferedBytes: LIMITS.maxBufferedBytes },
      {
        end: (reason) => {
          closedBecause.push(reason);
          leave();
        },
      },
    );
    this.router.register(client, groups);
    client.release();
    const says = (message: Buffer): boolean =>
      this.router.takeAnswer(client, codec.read(message, 0, message.length));
    const answers = (answer: (invocationId: string) => Buffer | undefined): void => {
      transport.onSend = (bytes) => {
        const { invocationId } = codec.read(bytes, 0, bytes.length);
        const completion = invocationId === undefined ? undefined : answer(invocationId);
        if (completion !== undefined) says(completion);
      };
    };
    return { sent: transport.sent, closedBecause, identity: client.origin.identity, leave, says, answers };
  }

  /** A token that a caller of this path needs. */
  token(path: string): string {
    return mintRestToken({
      url: `http://localhost${path}`,
      accessKey: ACCESS_KEY,
      lifetimeSeconds: 3600,
      nowMs: this.clock.epochMs(),
    });
  }

  /** The headers of a good request. */
  headers(path: string, { body, headers }: RestRequest = {}): Record<string, string> {
    const contentType = body === undefined ? {} : { "content-type": "application/json" };
    return { authorization: `Bearer ${this.token(path)}`, ...contentType, ...headers };
  }

  /** Calls the API without a socket. */
  async call(method: string, url: string, request: RestRequest = {}): Promise<LightMyRequestResponse> {
    return this.app.inject({
      method: method as "POST",
      url,
      headers: this.headers(url, request),
      ...(request.body === undefined ? {} : { payload: request.body }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
  }
}
