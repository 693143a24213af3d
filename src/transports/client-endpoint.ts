import fastifyCors from "@fastify/cors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type HubRequest, readHubRequest } from "../core/hub-request.ts";
import { negotiateError, negotiateResponse, negotiateVersion } from "../protocol/negotiate.ts";
import { acceptsEventStream } from "./accepts-event-stream.ts";
import type { ClientAdmission } from "./client-admission.ts";
import type { Connection, Connections } from "./connections.ts";
import { LongPollingTransport } from "./long-polling-transport.ts";
import { receivePost } from "./receive-post.ts";
import { ServerSentEventsTransport } from "./server-sent-events-transport.ts";

const NO_CACHE = {
  "Cache-Control": "no-cache, no-store",
  Pragma: "no-cache",
  Expires: "Thu, 01 Jan 1970 00:00:00 GMT",
};

/** What the client endpoint needs of the rest of the node. */
export interface ClientEndpointOptions {
  readonly connections: Connections;
  readonly admission: ClientAdmission;
  /** Origins whose pages may connect; `*` stands for all. */
  readonly allowedOrigins: readonly string[];
}

/**
 * The HTTP side of the client endpoint: negotiate, event streams, polls, posts and deletes under `/client`.
 * Statuses and texts are those of ASP.NET Core, docs/spec/client-endpoint.md §2.2.
 */
export async function clientEndpoint(app: FastifyInstance, options: ClientEndpointOptions): Promise<void> {
  const { connections, admission, allowedOrigins } = options;
  await app.register(fastifyCors, {
    origin: allowedOrigins.includes("*") ? true : [...allowedOrigins],
    credentials: true,
    methods: ["GET", "POST", "DELETE"],
    strictPreflight: false,
  });
  app.removeAllContentTypeParsers();
  // Bodies stay streams: what arrived of an aborted one still counts.
  app.addContentTypeParser("*", (_request, _body, done) => done(null));
  app.addHook("onRequest", (request, _reply, done) => {
    // A body is bytes, whatever it is said to be: fastify would refuse what is no media type.
    delete request.headers["content-type"];
    done();
  });
  app.setNotFoundHandler((_request, reply) => plain(reply, 404, "Not found"));

  app.all("/client/negotiate", async (request, reply) => {
    if (request.method !== "POST") return plain(reply, 405);
    return negotiate(readHubRequest(request.raw), request, reply);
  });
  app.all("/client", async (request, reply) => {
    const client = readHubRequest(request.raw);
    switch (request.method) {
      case "GET":
        return acceptsEventStream(request.raw)
          ? openEventStream(client, request, reply)
          : poll(client, request, reply.headers(NO_CACHE));
      case "POST":
        return post(client, request, reply);
      case "DELETE":
        return terminate(client, request, reply);
      default:
        return plain(reply, 405);
    }
  });

  function negotiate(client: HubRequest, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const admitted = admission.admit(client, request.raw);
    if ("status" in admitted) {
      if (admitted.challenge !== undefined) void reply.header("WWW-Authenticate", admitted.challenge);
      return plain(reply, admitted.status, admitted.text);
    }
    const chosen = negotiateVersion(client.query("negotiateversion"));
    void reply.type("application/json");
    if ("error" in chosen) return reply.send(negotiateError(chosen.error));
    const { transports } = admitted.identity;
    const statefulReconnect =
      admitted.backend.allowsStatefulReconnect &&
      chosen.version === 1 &&
      transports.includes("WebSockets") &&
      client.query("usestatefulreconnect").includes("true");
    const connection = connections.negotiate(chosen.version, { ...admitted, statefulReconnect });
    const { connectionId, token: connectionToken } = connection;
    return reply.send(
      negotiateResponse({
        version: chosen.version,
        connectionId,
        connectionToken,
        transports,
        statefulReconnect,
      }),
    );
  }

  function openEventStream(client: HubRequest, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const connection = findConnection(client, request, reply);
    if (connection === undefined) return reply;
    if (!allows(connection, "ServerSentEvents", reply)) return reply;
    if (connection.transport === "ServerSentEvents") return plain(reply, 409);
    if (connection.transport !== undefined)
      return plain(reply, 400, "Cannot change transports mid-connection");
    reply.hijack();
    const transport = new ServerSentEventsTransport(connections.context, reply.raw, reply.getHeaders());
    connections.attach(connection, transport, request.raw);
    return reply;
  }

  async function poll(
    client: HubRequest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const connection = findConnection(client, request, reply, { isPoll: true });
    if (connection === undefined) return reply;
    if (!allows(connection, "LongPolling", reply)) return reply;
    if (connection.transport === undefined) startLongPolling(connection, request);
    const { longPolling } = connection;
    if (longPolling === undefined) return plain(reply, 400, "Cannot change transports mid-connection");
    const { answer, abandon } = longPolling.poll();
    reply.raw.once("close", abandon);
    const result = await answer;
    void reply.code(result.status).type(result.type);
    return reply.send("body" in result ? result.body : undefined);
  }

  function startLongPolling(connection: Connection, request: FastifyRequest): void {
    const { context } = connections;
    const idleMs = connection.negotiated.identity.pollIdleMs ?? context.timeouts.pollIdleMs;
    const transport = new LongPollingTransport(context, idleMs, () => connections.drop(connection));
    connection.longPolling = transport;
    connections.attach(connection, transport, request.raw);
  }

  async function post(
    client: HubRequest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const connection = findConnection(client, request, reply);
    if (connection === undefined) return reply;
    if (connection.transport === "WebSockets")
      return plain(reply, 405, "POST requests are not allowed for WebSocket connections.");
    const limit = connections.context.limits.maxRequestBodyBytes;
    switch (await receivePost(request.raw, connection, limit)) {
      case "received":
        return plain(reply, 200);
      case "aborted":
        return plain(reply, 400);
      case "gone":
        return plain(reply, 404);
      case "too large":
        return plain(reply, 413, `A request body may have ${limit} bytes at most.`);
    }
  }

  function terminate(client: HubRequest, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const connection = findConnection(client, request, reply);
    if (connection === undefined) return reply;
    const { longPolling, session } = connection;
    if (longPolling === undefined)
      return plain(reply, 400, "Cannot terminate this connection using the DELETE endpoint.");
    longPolling.destroy();
    session?.transportClosed(true, "The client ended the connection.");
    return plain(reply, 202);
  }

  /** The connection that the request names with `id`; without one the request has been answered. */
  function findConnection(
    client: HubRequest,
    request: FastifyRequest,
    reply: FastifyReply,
    { isPoll = false } = {},
  ): Connection | undefined {
    const token = client.query("id").at(-1);
    if (!token) {
      plain(reply, 400, "Connection ID required");
      return undefined;
    }
    const connection = connections.find(token);
    if (connection === undefined) {
      plain(reply, 404, "No Connection with that ID");
      return undefined;
    }
    // A version 0 id is public, so it proves nothing by itself. Some old clients poll without a token, though.
    if (
      !connection.hasSecretToken &&
      !isPoll &&
      !admission.isSameUser(client, request.raw, connection.negotiated)
    ) {
      plain(reply.header("WWW-Authenticate", "Bearer"), 401);
      return undefined;
    }
    return connection;
  }
}

/** Whether the connection's token allows the transport; if not, the request has been answered. */
function allows(
  connection: Connection,
  transport: "ServerSentEvents" | "LongPolling",
  reply: FastifyReply,
): boolean {
  if (connection.negotiated.identity.transports.includes(transport)) return true;
  plain(reply, 404, `${transport} transport not supported by this end point type`);
  return false;
}

function plain(reply: FastifyReply, status: number, text = ""): FastifyReply {
  return reply.code(status).type("text/plain").send(text);
}
