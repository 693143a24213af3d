import { ApiError } from "../core/errors.ts";
import { always } from "./api-version.ts";
import type { Operation } from "./operation.ts";

/** Whether the service is up. Anonymous, because SDKs' health checkers, containers and Aspire ask without a token. */
export const healthOperations: readonly Operation[] = [
  {
    method: "HEAD",
    path: "/health",
    access: "anonymous",
    statuses: always(200),
    summary: "Whether the service takes clients and calls.",
    errors: ["Error.Service.Unavailable"],
    run: async (_call, { ready }) => {
      if (!ready()) throw new ApiError("Error.Service.Unavailable", "The service is stopping.");
    },
  },
];
