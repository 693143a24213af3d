import { refreshedIdentity } from "../auth/client-identity.ts";
import { ApiError } from "../core/errors.ts";
import type { ClientIdentity } from "../core/identity.ts";
import type { Authentication } from "../core/ports.ts";
import { readRefresh, readTokenQuestion } from "./authentication-body.ts";
import { jsonAnswer, type Operation, type RestAnswer, type RestServices } from "./operation.ts";
import type { RestCall } from "./rest-call.ts";

/**
 * Who a connection was authenticated as: read, and renewed without a reconnect, docs/spec/rest-api.md §1.2. The connection is
 * named by its secret token, in the body so that no log of URLs has it.
 */
export const authenticationOperations: readonly Operation[] = [
  {
    method: "POST",
    path: "/hubs/{hub}/connections/:refreshAuth",
    access: "write",
    statuses: { "2026-07-01": 200 },
    summary: "Replaces the claims and the expiry of a connection's authentication.",
    body: "Refresh",
    result: "Claims",
    errors: ["Error.User.Invalid", "Warning.Connection.NotExisted"],
    run: async (call, services) => {
      const { connectionToken, ...refresh } = readRefresh(call.body);
      const found = authenticationOf(call, services, connectionToken);
      const identity = refreshedIdentity(found.identity, refresh);
      if (identity === undefined)
        throw new ApiError(
          "Error.User.Invalid",
          "The claims are of another user than the connection.",
          "claims",
        );
      found.renew(identity);
      return claimsAnswer(identity);
    },
  },
  {
    method: "QUERY",
    path: "/hubs/{hub}/connections/claims",
    access: "read",
    statuses: { "2026-07-01": 200 },
    summary: "The claims of a connection's authentication.",
    body: "ConnectionToken",
    result: "Claims",
    errors: ["Warning.Connection.NotExisted"],
    run: async (call, services) =>
      claimsAnswer(authenticationOf(call, services, readTokenQuestion(call.body)).identity),
  },
];

function authenticationOf(
  { hub }: RestCall,
  { connectionTokens }: RestServices,
  connectionToken: string,
): Authentication {
  const found = connectionTokens.authentication(connectionToken);
  if (found !== undefined && found.hub === hub) return found;
  throw new ApiError(
    "Warning.Connection.NotExisted",
    "The hub has no connection with this token.",
    "connectionToken",
  );
}

function claimsAnswer({ claims }: ClientIdentity): RestAnswer {
  return jsonAnswer({ claims: claims.map(([type, value]) => ({ type, value })) });
}
