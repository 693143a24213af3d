import type { ClientMethod } from "../core/client-call.ts";
import { Payload } from "../core/payload.ts";
import { invocations, itemsOf, oneInvocation, readEncodedPayload } from "../protocol/encoded-payload.ts";
import { readJsonValue } from "../protocol/json-body.ts";
import { readPayloadMessage } from "../protocol/payload-message.ts";
import { type RequestBody, readBody } from "./request-body.ts";

/**
 * The message that a body tells clients: a PayloadMessage in JSON, or a MessagePack map from hub protocol to the message
 * in it, framed. @throws {ApiError}
 */
export function readMessageBody(body: RequestBody): Payload {
  return readBody(body, "a message", {
    json: (text) => {
      const { target, args } = readPayloadMessage(text);
      return Payload.invocation(target, args);
    },
    binary: (bytes) => Payload.encoded(readEncodedPayload(bytes, invocations)),
  });
}

/** The method that a body wants a client to answer, in the same forms. @throws {ApiError} */
export function readMethodBody(body: RequestBody): ClientMethod {
  return readBody<ClientMethod>(body, "a message", {
    json: readPayloadMessage,
    binary: (bytes) => ({ encoded: readEncodedPayload(bytes, oneInvocation) }),
  });
}

/** An item of a stream: any JSON value, or a MessagePack map from hub protocol to the StreamItem in it, framed. @throws {ApiError} */
export function readItemBody(body: RequestBody, streamId: string): Payload {
  return readBody(body, "an item of the stream", {
    json: (text) => Payload.streamItem(streamId, readJsonValue(text)),
    binary: (bytes) => Payload.encoded(readEncodedPayload(bytes, itemsOf(streamId))),
  });
}
