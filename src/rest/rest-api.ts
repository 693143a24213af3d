import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onSendHookHandler,
} from "fastify";
import { audienceAllowsRest } from "../auth/audience.ts";
import type { Authorization, Authorizer } from "../auth/authorizer.ts";
import { bearerToken } from "../auth/bearer-token.ts";
import type { Permission } from "../auth/oidc-roles.ts";
import { ApiError } from "../core/errors.ts";
import type { EmitEvent, HubwireEvent } from "../core/events.ts";
import {
  type ApiVersion,
  datedVersion,
  firstVersion,
  LATEST,
  type Statuses,
  statusIn,
} from "./api-version.ts";
import type { CallCounts } from "./call-counts.ts";
import { openApiDocument } from "./openapi.ts";
import { JSON_TYPE, type Operation, type RestServices } from "./operation.ts";
import { folders, type OperationsByMethod, operationsByPath, type VersionFamily } from "./operations.ts";
import { problemOf, sendErrorDetail, sendErrorText } from "./problem.ts";
import { RestCall } from "./rest-call.ts";
import { RestQuery } from "./rest-query.ts";

const CODE_OF_DENIAL = { 403: "Error.Request.Forbidden", 503: "Error.Service.Unavailable" } as const;

/** What the REST API needs of the rest of the node. */
export interface RestApiOptions extends RestServices {
  readonly authorizer: Authorizer;
  readonly emit: EmitEvent;
  readonly calls: CallCounts;
}

/**
 * The REST data plane: `/api/…?api-version=…` and `/api/v1/…`, what we add to it: `/api/hubwire/…`, and the description of
 * it all: `/api/openapi.json`. The body limit is that of `app`, which must route paths in any
 * letter case and with parameters of any length, and have `answerBadUrl` as its `frameworkErrors`.
 */
export async function restApi(app: FastifyInstance, options: RestApiOptions): Promise<void> {
  for (const family of ["dated", "v1", "hubwire"] as const)
    await app.register(async (api) => serve(api, family, options), { prefix: folders[family] });
  const document = JSON.stringify(openApiDocument());
  app.get("/api/openapi.json", (_request, reply) => reply.type(JSON_TYPE).send(document));
}

/** Answers a request whose path cannot be unescaped: fastify finds that before it knows whose path it is. */
export function answerBadUrl(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  void sendErrorDetail(reply, problemOf(error));
}

/** Serves a family of versions on an instance of its own. */
function serve(api: FastifyInstance, family: VersionFamily, options: RestApiOptions): void {
  const sendError = family === "v1" ? sendErrorText : sendErrorDetail;
  api.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    const event = eventOf(problem, request);
    if (event !== undefined) options.emit(event);
    // fastify would hang up on a body that it does not read to its end: a caller who is still sending might never see the answer.
    reply.removeHeader("connection");
    return sendError(reply, problem);
  });
  const countNone = options.calls.counterOf("none");
  api.setNotFoundHandler((request) => {
    countNone(404);
    throw new ApiError("Error.Request.NotFound", `There is no operation at ${pathOf(request)}.`);
  });
  // Which types a body may have is for the operation to say: those without a body ignore what old SDKs send.
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  for (const [path, byMethod] of operationsByPath(family)) {
    const url = path.replaceAll("/:", "/::").replace(/\{(\w+)\}/g, ":$1");
    for (const [method, operation] of byMethod) {
      const { access } = operation;
      const onRequest = access === "anonymous" ? [] : [authorization(access, options)];
      const handler = answerOf(operation, family, options);
      const onSend = counting(options.calls.counterOf(`${operation.method} ${operation.path}`));
      api.route({ method, url, exposeHeadRoute: false, onRequest, onSend, handler });
    }
    const refuse = methodRefusal(byMethod);
    const others = api.supportedMethods.filter((method) => !byMethod.has(method));
    api.route({ method: others, url, onRequest: refuse, onSend: counting(countNone), handler: refuse });
  }
}

/** Counts what a request is answered with. */
function counting(count: (status: number) => void): onSendHookHandler {
  return (_request, reply, payload, done) => {
    count(reply.statusCode);
    done(null, payload);
  };
}

/** What the log is told of a problem; nothing where it is an answer like any other, or was told of the token. */
function eventOf(problem: ApiError, request: FastifyRequest): HubwireEvent | undefined {
  const { code, message, target, status } = problem;
  const call = { method: request.method, path: pathOf(request) };
  if (status >= 500 && "cause" in problem) return { name: "rest.failed", ...call, error: problem.cause };
  const isRefused = code.startsWith("Error.Request.") && code !== CODE_OF_DENIAL[403];
  if (!isRefused && code !== "Error.Service.Busy") return undefined;
  return { name: "rest.refused", ...call, code, target, reason: message };
}

/** Lets a request pass that has a good token for its path. Runs before the body is read, and at once where it can. */
function authorization(permission: Permission, { authorizer, emit }: RestApiOptions): onRequestHookHandler {
  return (request, reply, done) => {
    const judge = (authorization: Authorization): void => {
      if (authorization.ok) return done();
      const { status, reason } = authorization;
      emit({ name: "rest.unauthorized", method: request.method, path: pathOf(request), reason });
      if (status === 401) void reply.code(401).header("WWW-Authenticate", authorization.challenge).send();
      else done(new ApiError(CODE_OF_DENIAL[status], reason));
    };
    const fail = (fault: Error): void => done(fault);
    const authorization = authorizer.authorize(bearerToken(request.headers.authorization, []), {
      permission,
      allows: (audience) => audienceAllowsRest(audience, request.url),
    });
    if (authorization instanceof Promise) authorization.then(judge).catch(fail);
    else judge(authorization);
  };
}

function answerOf(
  operation: Operation,
  family: VersionFamily,
  services: RestServices,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const { access, response, run, statuses } = operation;
  const body = response && JSON.stringify(response);
  const versionOf = (query: RestQuery): ApiVersion => {
    if (family !== "dated") return family;
    return access === "anonymous" ? LATEST : datedVersion(query.first("api-version"));
  };
  return async (request, reply) => {
    const query = new RestQuery(request.url);
    const version = versionOf(query);
    const status = statusIn(statuses, version);
    if (status === undefined) throw notYet(version, statuses);
    const answer = await run(new RestCall(version, query, request, reply), services);
    void reply.code(status);
    if (answer)
      return reply
        .headers(answer.headers ?? {})
        .type(answer.contentType)
        .send(answer.body);
    const hasBody = isDatedFrom2022(version) && request.method !== "HEAD";
    return hasBody && body ? reply.type(JSON_TYPE).send(body) : reply.send();
  };
}

/** Before 2022-06-01 success has no body. */
function isDatedFrom2022(version: ApiVersion): boolean {
  return version !== "v1" && version !== "hubwire" && version >= "2022-06-01";
}

function notYet(version: ApiVersion, statuses: Statuses): ApiError {
  return new ApiError(
    "Error.Request.NotFound",
    `Version ${version} does not have this operation: it needs 'api-version=${firstVersion(statuses)}' or later.`,
    "api-version",
  );
}

function methodRefusal(byMethod: OperationsByMethod): (request: FastifyRequest, reply: FastifyReply) => void {
  const allow = [...byMethod.keys()].join(", ");
  return (request, reply) => {
    void reply.header("Allow", allow);
    throw new ApiError("Error.Request.MethodNotAllowed", `This path has no ${request.method}, but ${allow}.`);
  };
}

function pathOf({ url }: FastifyRequest): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}
