import type { FastifyReply } from "fastify";
import { ApiError } from "../core/errors.ts";
import { JSON_TYPE } from "./operation.ts";

/**
 * The error that the caller is told of: itself if it is one, what fastify found wrong with a request, and for
 * anything else a fault of ours that is not shown.
 */
export function problemOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, statusCode }: { code?: unknown; statusCode?: unknown } = Object(error);
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ApiError("Error.Request.TooLarge", "The body is larger than the limit.", "body");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new ApiError(
        "Error.Request.UnsupportedMediaType",
        "The content type is malformed.",
        "Content-Type",
      );
    case "FST_ERR_BAD_URL":
      return new ApiError(
        "Error.Request.Invalid",
        "The path is malformed: each % must begin an escape like %2F, and all escapes together must be UTF-8.",
        "path",
      );
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500)
    return new ApiError("Error.Request.Invalid", "The body could not be read.", "body", { cause: error });
  return new ApiError("Error.Service.Internal", "The service has a fault. Its log tells more.", undefined, {
    cause: error,
  });
}

/** Answers with an ErrorDetail, docs/spec/rest-api.md §1.5. What a client says is answered as it is: SDKs raise it as their own text. */
export function sendErrorDetail(reply: FastifyReply, error: ApiError): FastifyReply {
  const { code, message, target, status } = error;
  if (code === "Error.Connection.InvocationFailed") return sendErrorText(reply, error);
  return reply
    .code(status)
    .header("x-ms-error-code", code)
    .type(JSON_TYPE)
    .send(JSON.stringify({ code, message, target }));
}

/** Answers as v1 does: the message as text, and no body with 404, docs/spec/rest-api.md §1.3. */
export function sendErrorText(reply: FastifyReply, { code, message, status }: ApiError): FastifyReply {
  void reply.code(status).header("x-ms-error-code", code);
  return status === 404 ? reply.send() : reply.type("text/plain; charset=utf-8").send(message);
}
