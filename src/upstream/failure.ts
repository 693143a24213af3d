import type { UpstreamOutcome } from "../core/events.ts";

/** Why a webhook did not take an event. */
export interface UpstreamFailure {
  readonly outcome: UpstreamOutcome;
  /** What it answered, if it did. */
  readonly status?: number;
  /** For the log; no secret, no payload. */
  readonly reason: string;
  /** What a client is told that waits for the result; the texts of docs/spec/serverless-upstream.md §4. */
  readonly told: string;
}

/** Nothing was answered: to the client the same as status 500. */
export function unanswered(
  outcome: "unreachable" | "timeout" | "noToken" | "badUrl" | "stopped",
  reason: string,
): UpstreamFailure {
  return { outcome, reason, told: statusText(500) };
}

/** It answered, but not with success. */
export function wrongStatus(status: number): UpstreamFailure {
  return {
    outcome: "status",
    status,
    reason: `it answered ${status}${hint(status)}`,
    told: statusText(status),
  };
}

/** Whether the same call may succeed a little later. */
export function isPassing({ outcome, status = 0 }: UpstreamFailure): boolean {
  if (outcome === "status") return status === 429 || status >= 500;
  return outcome === "unreachable" || outcome === "timeout" || outcome === "noToken";
}

/** What an error of the network says, without the host that it is about: that may come from a secret. */
export function networkReason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return networkReason(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code, syscall, address, hostname } = error as NetworkError;
  if (code === "UND_ERR_CONNECT_TIMEOUT") return "no connection was made in time";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "its certificate is for another host";
  if (syscall !== undefined && (address ?? hostname) !== undefined) return `${syscall} ${code}`;
  return error.message || error.name;
}

/** An error of Node.js or undici. */
interface NetworkError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly hostname?: string;
}

function statusText(status: number): string {
  return `Invocation failed, status code ${status}`;
}

function hint(status: number): string {
  if (status >= 300 && status < 400) return "; redirects are not followed";
  if (status === 401)
    return "; it does not accept the signature, which is made with this service's access keys";
  if (status === 404) return "; it has nothing at this URL, or no function for this event";
  return "";
}
