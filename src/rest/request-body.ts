import type { IncomingHttpHeaders } from "node:http";
import { MIMEType, TextDecoder } from "node:util";
import { ApiError } from "../core/errors.ts";
import { PayloadError } from "../protocol/json-body.ts";

/** What a request brings, and what its headers say of it. */
export interface RequestBody {
  readonly headers: IncomingHttpHeaders;
  /** `undefined` for none. */
  readonly bytes: Buffer | undefined;
}

/** How a body is read. Each form may throw a `PayloadError`. */
export interface BodyForms<Read> {
  /** `application/json`, made UTF-8. */
  readonly json: (text: Buffer) => Read;
  /**
   * `application/octet-stream`; absent where there is no such form. Azure takes `application/x-msgpack` too and says
   * nowhere how it is laid out; here it is the same.
   */
  readonly binary?: (bytes: Buffer) => Read;
}

/**
 * Reads a body in the form that its content type names; JSON may be in any charset that browsers know.
 * @param expected what it must be, for the message where there is none
 * @throws {ApiError} when there is none, it is in no such form, or broken
 */
export function readBody<Read>(
  { headers, bytes }: RequestBody,
  expected: string,
  { json, binary }: BodyForms<Read>,
): Read {
  if (bytes === undefined || bytes.length === 0)
    throw new ApiError("Error.Request.Invalid", `The body is missing: it must be ${expected}.`, "body");
  const { "content-type": contentType, "content-encoding": contentEncoding } = headers;
  if (contentEncoding !== undefined)
    throw unsupported("Content-Encoding", "The body must not be compressed.");
  const { type, charset } = mediaTypeOf(contentType);
  try {
    if (type === "application/json") return json(toUtf8(bytes, charset));
    if (binary !== undefined && BINARY_TYPES.includes(type)) return binary(bytes);
  } catch (error) {
    if (error instanceof PayloadError)
      throw new ApiError("Error.Request.Invalid", error.message, error.target, { cause: error });
    throw error;
  }
  const types =
    binary === undefined
      ? "application/json"
      : "application/json, application/octet-stream or application/x-msgpack";
  throw unsupported("Content-Type", `The body's content type must be ${types}.`);
}

const BINARY_TYPES = ["application/octet-stream", "application/x-msgpack"];

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
