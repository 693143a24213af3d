import type { HTTPMethods } from "fastify";
import { firstVersion, type Statuses } from "./api-version.ts";
import { authOperations } from "./auth.ts";
import { authenticationOperations } from "./authentication.ts";
import { connectionOperations } from "./connections.ts";
import { groupOperations } from "./groups.ts";
import { healthOperations } from "./health.ts";
import { hubOperations } from "./hubs.ts";
import { invocationOperations } from "./invocations.ts";
import { listOperations } from "./lists.ts";
import type { Operation } from "./operation.ts";
import { streamOperations } from "./streams.ts";
import { userOperations } from "./users.ts";

/** Versions whose paths and errors have one form: the one in the path, those in the query, and what is our own. */
export type VersionFamily = keyof typeof folders;

/** Where the paths of each family are. */
export const folders = { dated: "/api", v1: "/api/v1", hubwire: "/api/hubwire" } as const;

/** The operations of one path, by method. */
export type OperationsByMethod = ReadonlyMap<HTTPMethods, Operation>;

/** All operations. */
export const operations: readonly Operation[] = [
  ...healthOperations,
  ...authOperations,
  ...hubOperations,
  ...connectionOperations,
  ...invocationOperations,
  ...streamOperations,
  ...authenticationOperations,
  ...groupOperations,
  ...userOperations,
  ...listOperations,
];

/**
 * What is served at each path of a family. Like the emulator, v1 takes its own spellings and the dated ones;
 * dated paths have only theirs.
 */
export function operationsByPath(family: VersionFamily): ReadonlyMap<string, OperationsByMethod> {
  const byPath = new Map<string, Map<HTTPMethods, Operation>>();
  for (const operation of operations) {
    const { method, path, v1Paths = [], statuses } = operation;
    if (!hasOperation(statuses, family)) continue;
    for (const spelling of family === "v1" ? [path, ...v1Paths] : [path]) {
      const byMethod = byPath.get(spelling) ?? new Map<HTTPMethods, Operation>();
      byPath.set(spelling, byMethod);
      if (method === "HEAD") byMethod.set("GET", operation);
      byMethod.set(method, operation);
    }
  }
  return byPath;
}

function hasOperation(statuses: Statuses, family: VersionFamily): boolean {
  return family === "dated" ? firstVersion(statuses) !== undefined : statuses[family] !== undefined;
}
