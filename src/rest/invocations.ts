import type { CallOutcome } from "../core/client-call.ts";
import { ApiError } from "../core/errors.ts";
import { messagePackToJson, NotJsonError } from "../protocol/messagepack-to-json.ts";
import { notExisted } from "./connections.ts";
import { JSON_TYPE, type Operation, type RestAnswer } from "./operation.ts";

/** Methods of clients that are called for their results, docs/spec/rest-api.md §3.8. */
export const invocationOperations: readonly Operation[] = [
  {
    method: "POST",
    path: "/hubs/{hub}/connections/{connectionId}/:invoke",
    access: "write",
    statuses: { "2024-12-01": 200 },
    summary: "Invokes a method of a client and answers its result.",
    body: "Message",
    result: "Invocation",
    errors: ["Error.Connection.InvocationFailed", "Warning.Connection.NotExisted", "Error.Service.Busy"],
    run: async ({ hub, connectionId, clientMethod: method, signal, prefersBytes }, { router }) => {
      const outcome = await router.invoke({ hub, connectionId, method, signal });
      return prefersBytes ? inBytes(completed(outcome)) : inJson(completed(outcome));
    },
  },
];

type Completed = Extract<CallOutcome, { outcome: "completed" }>;

/** @throws {ApiError} for all that is no completion */
function completed(outcome: CallOutcome): Completed {
  switch (outcome.outcome) {
    case "completed":
      return outcome;
    case "failed":
    case "disconnected":
    case "timedOut":
    case "abandoned":
      throw failed(outcome.error);
    case "notConnected":
      throw notExisted();
    case "notEncoded":
      throw new ApiError(
        "Error.Request.Invalid",
        `The body has no message for hub protocol '${outcome.protocol}', which the connection speaks.`,
        "body",
      );
    case "busy":
      throw new ApiError(
        "Error.Service.Busy",
        "As many invocations as allowed wait for clients' results: try again later.",
      );
  }
}

/** What the .NET SDK of 2026 asks for: the very Completion of the client, framed. */
function inBytes({ protocol, bytes }: Completed): RestAnswer {
  return {
    body: bytes,
    contentType: "application/octet-stream",
    headers: { "X-ASRS-Protocol": protocol },
  };
}

function inJson({ protocol, result }: Completed): RestAnswer {
  if (result === undefined) return { body: "{}", contentType: JSON_TYPE };
  return {
    body: `{"result":${protocol === "json" ? String(result) : asJson(result)}}`,
    contentType: JSON_TYPE,
  };
}

function asJson(result: Buffer): string {
  try {
    return messagePackToJson(result);
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error;
    throw failed(
      `The result cannot be written as JSON: ${error.message}. Ask for it with 'Accept: application/octet-stream'.`,
    );
  }
}

function failed(error: string): ApiError {
  return new ApiError("Error.Connection.InvocationFailed", error);
}
