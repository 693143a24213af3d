import type { Permission } from "../auth/oidc-roles.ts";
import { type ApiErrorCode, apiErrors } from "../core/errors.ts";
import { type ApiVersion, datedVersions, firstVersion, type Statuses, statusIn } from "./api-version.ts";
import { type ParameterObject, pathParameters, queryParameter } from "./openapi-parameters.ts";
import { bodyContent, jsonContent, resultContent, schemas } from "./openapi-schemas.ts";
import type { Operation } from "./operation.ts";
import { folders, operationsByPath, type VersionFamily } from "./operations.ts";

type Json = Readonly<Record<string, unknown>>;

const FAMILIES = ["dated", "v1", "hubwire"] as const;

const TAGS: Readonly<Record<VersionFamily, string>> = {
  dated: "Azure's data plane, its versions in the query",
  v1: "Azure's data plane, version 1",
  hubwire: "Hubwire's additions",
};

const ROLES: Readonly<Record<Permission, string>> = {
  read: "an owner, a REST owner or a reader",
  write: "an owner or a REST owner",
  server: "an owner or an app server",
};

/**
 * What the REST API takes and answers, as an OpenAPI 3.1 document. It is made of the operations themselves, so that it has
 * no path that is not served, and misses none.
 */
export function openApiDocument(): Json {
  return {
    openapi: "3.1.1",
    info: {
      title: "Hubwire",
      version: datedVersions.at(-1),
      description:
        "The data plane of Azure SignalR Service in all its versions, and what Hubwire adds to it below `/api/hubwire`.",
    },
    servers: [{ url: "/" }],
    tags: Object.values(TAGS).map((name) => ({ name })),
    security: [{ bearer: [] }],
    paths: Object.fromEntries(FAMILIES.flatMap(pathItems)),
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "Signed with an access key for the URL of the operation (`aud`), or of an issuer that the service trusts.",
        },
      },
    },
  };
}

function pathItems(family: VersionFamily): [path: string, item: Json][] {
  return [...operationsByPath(family)].map(([path, byMethod]) => [
    `${folders[family]}${path}`,
    Object.fromEntries(
      [...byMethod].map(([method, operation]) => [
        // OpenAPI has QUERY from 3.2 on.
        method === "QUERY" ? "x-query" : method.toLowerCase(),
        operationObject(operation, { family, path, method }),
      ]),
    ),
  ]);
}

/** Where an operation is served. */
interface Place {
  readonly family: VersionFamily;
  readonly path: string;
  readonly method: string;
}

function operationObject(operation: Operation, place: Place): Json {
  const { access, body, statuses, summary } = operation;
  const { family, path, method } = place;
  const words = path.match(/\w+/g) ?? [];
  return {
    operationId: [family, method.toLowerCase(), ...words].join("_"),
    tags: [TAGS[family]],
    summary,
    ...(access === "anonymous"
      ? { security: [] }
      : { description: `Callers with a token of an issuer must be ${ROLES[access]}.` }),
    parameters: parametersOf(operation, place),
    ...(body && { requestBody: { required: true, content: bodyContent(body) } }),
    responses: { ...successes(operation, place), ...failures(operation, place) },
    ...(family === "dated" && { "x-hubwire-statuses": statusesByVersion(statuses) }),
  };
}

function parametersOf(
  { access, query = [], statuses }: Operation,
  { family, path }: Place,
): ParameterObject[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name = ""]): ParameterObject[] => {
    const parameter = pathParameters[name];
    return parameter === undefined ? [] : [{ name, in: "path", required: true, ...parameter }];
  });
  const hasApplication = path.includes("{hub}") && family !== "v1";
  return [
    ...inPath,
    ...query.map(queryParameter),
    ...(hasApplication ? [queryParameter("application")] : []),
    ...(family === "dated" && access !== "anonymous" ? [apiVersion(statuses)] : []),
  ];
}

function apiVersion(statuses: Statuses): ParameterObject {
  return {
    name: "api-version",
    in: "query",
    required: true,
    description: `${firstVersion(statuses)} or later; a date between two versions is taken for the first of them.`,
    schema: {
      type: "string",
      pattern: "^\\d{4}-\\d\\d-\\d\\d(-preview)?$",
      examples: Object.keys(statusesByVersion(statuses)),
    },
  };
}

/** The status of each dated version that has the operation. */
function statusesByVersion(statuses: Statuses): Record<string, number> {
  return Object.fromEntries(
    datedVersions.flatMap((version) => {
      const status = statusIn(statuses, version);
      return status === undefined ? [] : [[version, status]];
    }),
  );
}

function successes(operation: Operation, { family, method }: Place): Json {
  const { response, result, statuses } = operation;
  const versions: readonly ApiVersion[] = family === "dated" ? datedVersions : [family];
  const byStatus = Map.groupBy(versions, (version) => statusIn(statuses, version));
  const responses: [string, Json][] = [];
  for (const [status, having] of byStatus) {
    if (status === undefined) continue;
    const hasServiceResponse =
      response && having.some((version) => version >= "2022-06-01" && family === "dated");
    const content = result ? resultContent(result) : hasServiceResponse && jsonContent("ServiceResponse");
    responses.push([
      String(status),
      {
        description: family === "dated" ? `Success in ${having.join(", ")}.` : "Success.",
        ...(result === "Invocation" && {
          headers: {
            "X-ASRS-Protocol": {
              description: "The hub protocol of an octet-stream.",
              schema: { enum: ["json", "messagepack"] },
            },
          },
        }),
        ...(content && method !== "HEAD" && { content }),
      },
    ]);
  }
  return Object.fromEntries(responses);
}

function failures(operation: Operation, place: Place): Json {
  const byStatus = Map.groupBy(errorCodes(operation, place), (code) => apiErrors[code].status);
  const responses = [...byStatus].map(([status, codes]) => [String(status), failure(status, codes, place)]);
  return {
    ...Object.fromEntries(responses),
    ...(operation.access !== "anonymous" && {
      401: { description: "There is no good token for this URL; `WWW-Authenticate` tells why." },
    }),
    default: failure(500, ["Error.Service.Internal"], place),
  };
}

/** The errors that an operation can end with, besides those of any request. */
function errorCodes({ access, body, errors = [] }: Operation, { family, path }: Place): ApiErrorCode[] {
  return [
    ...errors,
    ...(path.includes("{") ? (["Error.Request.Invalid"] as const) : []),
    ...(access === "anonymous" ? [] : (["Error.Request.Forbidden"] as const)),
    ...(family === "dated" && access !== "anonymous"
      ? (["Error.Request.ApiVersion", "Error.Request.NotFound"] as const)
      : []),
    ...(body ? (["Error.Request.TooLarge", "Error.Request.UnsupportedMediaType"] as const) : []),
  ];
}

function failure(status: number, codes: readonly ApiErrorCode[], { family, method }: Place): Json {
  const inText = { "text/plain": { schema: { type: "string" } } };
  const isText = codes.includes("Error.Connection.InvocationFailed");
  const content =
    family === "v1"
      ? status === 404
        ? undefined
        : inText
      : { ...jsonContent("ErrorDetail"), ...(isText && inText) };
  return {
    description: codes.map((code) => `\`${code}\`: ${apiErrors[code].meaning}`).join("\n\n"),
    headers: { "x-ms-error-code": { schema: { type: "string", examples: codes } } },
    ...(content && method !== "HEAD" && { content }),
  };
}
