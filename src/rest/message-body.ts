import type { IncomingHttpHeaders } from "node:http";
import { MIMEType, TextDecoder } from "node:util";
import { ApiError } from "../core/errors.ts";
import { Payload } from "../core/payload.ts";
import { PayloadError, readEncodedPayload, readPayloadMessage } from "../protocol/payload-message.ts";

/**
 * The message in a request body, by its content type:
 * - `application/json`: a PayloadMessage in any charset that browsers know; UTF-8 if it names none.
 * - `application/octet-stream`: a MessagePack map from hub protocol to the message in it, framed. Azure takes `application/x-msgpack`
 *   too and says nowhere how it is laid out; here it is the same map.
 * @throws {ApiError} when it is none of these, or broken
 */
export function readMessageBody(headers: IncomingHttpHeaders, body: Buffer | undefined): Payload {
  if (body === undefined || body.length === 0)
    throw new ApiError("Error.Request.Invalid", "The body is missing: it must be a message.", "body");
  const { "content-type": contentType, "content-encoding": contentEncoding } = headers;
  if (contentEncoding !== undefined)
    throw unsupported("Content-Encoding", "The body must not be compressed.");
  const { type, charset } = mediaTypeOf(contentType);
  try {
    if (type === "application/json") {
      const { target, args } = readPayloadMessage(toUtf8(body, charset));
      return Payload.invocation(target, args);
    }
    if (type === "application/octet-stream" || type === "application/x-msgpack")
      return Payload.encoded(readEncodedPayload(body));
  } catch (error) {
    if (error instanceof PayloadError)
      throw new ApiError("Error.Request.Invalid", error.message, error.target, { cause: error });
    throw error;
  }
  throw unsupported(
    "Content-Type",
    "The body's content type must be application/json, application/octet-stream or application/x-msgpack.",
  );
}

function mediaTypeOf(contentType: string | undefined): { type: string; charset: string } {
  switch (contentType) {
    case "application/json": // what nearly all requests have
    case "application/json; charset=utf-8":
      return { type: "application/json", charset: "utf-8" };
    case undefined:
      return { type: "", charset: "" };
    default:
      try {
        const { essence, params } = new MIMEType(contentType);
        return { type: essence, charset: params.get("charset") ?? "utf-8" };
      } catch {
        return { type: "", charset: "" }; // is answered like any other wrong type
      }
  }
}

/** @throws {ApiError} for a charset that is unknown, and for bytes that are not of it */
function toUtf8(body: Buffer, charset: string): Buffer {
  if (/^utf-?8$/i.test(charset)) return body;
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal: true });
  } catch {
    throw unsupported("Content-Type", "The body's charset is unknown: use UTF-8.");
  }
  try {
    return Buffer.from(decoder.decode(body));
  } catch (cause) {
    throw new ApiError("Error.Request.Invalid", `The body is not valid ${decoder.encoding}.`, "body", {
      cause,
    });
  }
}

function unsupported(header: string, message: string): ApiError {
  return new ApiError("Error.Request.UnsupportedMediaType", message, header);
}
