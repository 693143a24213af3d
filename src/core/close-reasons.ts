import type { CloseReason } from "./ports.ts";

/** Why the service closes a connection for a caller, who may have a reason to tell. */
export function closedByCaller(reason: string | undefined): CloseReason {
  return { category: "ClosedByAppServer", message: reason ?? "", allowReconnect: true };
}
