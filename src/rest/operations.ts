import type { HTTPMethods } from "fastify";
import { authOperations } from "./auth.ts";
import { connectionOperations } from "./connections.ts";
import { groupOperations } from "./groups.ts";
import { healthOperations } from "./health.ts";
import { hubOperations } from "./hubs.ts";
import type { Operation } from "./operation.ts";
import { userOperations } from "./users.ts";

/** Versions whose paths and errors have one form: those in the path, and those in the query. */
export type VersionFamily = "v1" | "dated";

/** The operations of one path, by method. */
export type OperationsByMethod = ReadonlyMap<HTTPMethods, Operation>;

/** All operations of the data plane. */
export const operations: readonly Operation[] = [
  ...healthOperations,
  ...authOperations,
  ...hubOperations,
  ...connectionOperations,
  ...groupOperations,
  ...userOperations,
];

/**
 * What is served at each path of a family. Like the emulator, v1 takes its own spellings and the dated ones;
 * dated paths have only theirs.
 */
export function operationsByPath(family: VersionFamily): ReadonlyMap<string, OperationsByMethod> {
  const byPath = new Map<string, Map<HTTPMethods, Operation>>();
  for (const operation of operations) {
    const { method, path, v1Paths = [] } = operation;
    for (const spelling of family === "v1" ? [path, ...v1Paths] : [path]) {
      const byMethod = byPath.get(spelling) ?? new Map<HTTPMethods, Operation>();
      byPath.set(spelling, byMethod);
      if (method === "HEAD") byMethod.set("GET", operation);
      byMethod.set(method, operation);
    }
  }
  return byPath;
}
