import type { IssuedKeys } from "../auth/issued-keys.ts";
import type { Permission } from "../auth/oidc-roles.ts";
import type { Clock } from "../core/clock.ts";
import type { ApiErrorCode } from "../core/errors.ts";
import type { ConnectionTokens, Router } from "../core/ports.ts";
import type { UserGroups } from "../core/user-groups.ts";
import type { Statuses } from "./api-version.ts";
import type { QueryParameter } from "./openapi-parameters.ts";
import type { BodyName, ResultName } from "./openapi-schemas.ts";
import type { RestCall } from "./rest-call.ts";

/** The content type of JSON bodies. */
export const JSON_TYPE = "application/json; charset=utf-8";

/** What operations act on. */
export interface RestServices {
  readonly router: Router;
  /** Any failure of it is taken for one of its store. */
  readonly userGroups: UserGroups;
  /** What callers without an access key sign clients' tokens with. */
  readonly issuedKeys: IssuedKeys;
  /** Signs the tokens for clients and for pages that the service gives out itself. */
  readonly accessKey: string;
  readonly connectionTokens: ConnectionTokens;
  readonly clock: Clock;
  /** Where callers reach the service; absent: where their request says they have. */
  readonly publicUrl?: string | undefined;
  /** Whether the service takes new clients: not while it is stopping. */
  readonly ready: () => boolean;
}

/** One operation of the data plane; the tables of them are in the file of their resource. */
export interface Operation {
  /** GET is served beside every HEAD: SDKs ask with it although the specification does not have it. */
  readonly method: "DELETE" | "GET" | "HEAD" | "POST" | "PUT" | "QUERY";
  /** Below the folder of its versions, with `{hub}`, `{group}`, `{user}`, `{connectionId}` and `{streamId}` for parameters. */
  readonly path: string;
  /** Other spellings that only `/api/v1` has. */
  readonly v1Paths?: readonly string[];
  /** What a caller must be allowed to do. An anonymous operation needs no token, and no `api-version`. */
  readonly access: "anonymous" | Permission;
  /** The status of success, and thereby the versions that have the operation. */
  readonly statuses: Statuses;
  /** The same body for every success; there is none for `HEAD`, before 2022-06-01, and where this is left out. */
  readonly response?: ServiceResponse;
  /**
   * Does it. Resolves when it is done: to the answer of this call, which any version gets, or to nothing where `response` is it.
   * @throws {ApiError} what the caller is told instead of success
   */
  readonly run: (call: RestCall, services: RestServices) => Promise<RestAnswer | void>;
  /** What it does, in one line. This and what follows is told by the OpenAPI document and has no other effect. */
  readonly summary: string;
  /** Parameters in the query, besides `api-version` and `application`. */
  readonly query?: readonly QueryParameter[];
  /** What its body must be; absent: a body is not looked at. */
  readonly body?: BodyName;
  /** The body of the answer of this call. */
  readonly result?: ResultName;
  /** What it is answered when it fails, besides what any operation may be. */
  readonly errors?: readonly ApiErrorCode[];
}

/** An answer that differs from call to call. */
export interface RestAnswer {
  readonly body: string | Buffer;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer of JSON. */
export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}): RestAnswer {
  return { body: JSON.stringify(value), contentType: JSON_TYPE, headers };
}

/** Azure's body of a success, docs/spec/rest-api.md §1.5. Its error codes are `level.scope.errorKind`, and so is this code. */
interface ServiceResponse {
  readonly code: string;
  readonly level: "Info";
  readonly scope: Scope;
  readonly errorKind: "Unknown";
  readonly message: string;
  readonly isSuccess: true;
}

type Scope = "Request" | "Connection" | "User" | "Group";

/** The body of a success concerning `scope`. */
export function success(scope: Scope, message: string): ServiceResponse {
  const [level, errorKind] = ["Info", "Unknown"] as const;
  return { code: `${level}.${scope}.${errorKind}`, level, scope, errorKind, message, isSuccess: true };
}
