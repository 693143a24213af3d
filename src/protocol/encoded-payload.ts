import { type HubMessage, HubMessageType, type HubProtocol, type HubProtocolName } from "./hub-protocol.ts";
import { hubProtocolNamed } from "./hub-protocols.ts";
import { PayloadError } from "./json-body.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Hub messages that the sender encoded and framed itself, as views into the body. */
export type EncodedPayload = Partial<Record<HubProtocolName, Buffer>>;

/** Says what is wrong with a message that a body has in a place, from 0; `undefined` for nothing. */
export type MessageRule = (message: HubMessage, index: number) => string | undefined;

/** Invocations that no client answers. */
export const invocations: MessageRule = ({ type, invocationId }) => {
  if (type !== HubMessageType.invocation) return "is no invocation";
  return invocationId === undefined ? undefined : "must have no invocation id";
};

/** One invocation, which gets an id of the service whichever it has. */
export const oneInvocation: MessageRule = ({ type }, index) => {
  if (type !== HubMessageType.invocation) return "is no invocation";
  return index === 0 ? undefined : "must not be there: only one invocation can be answered";
};

/** Items of this stream. */
export function itemsOf(streamId: string): MessageRule {
  return ({ type, invocationId }) => {
    if (type !== HubMessageType.streamItem) return "is no stream item";
    return invocationId === streamId ? undefined : "is not for the stream of the path";
  };
}

/**
 * Reads the binary body of a REST call: a MessagePack map from the name of a hub protocol to `bin` with whole framed
 * messages, docs/spec/rest-api.md §3.6. Names of hub protocols that the service does not speak are left out, with what is
 * under them.
 * @throws {PayloadError}
 */
export function readEncodedPayload(body: Buffer, rule: MessageRule): EncodedPayload {
  const cursor = new MessagePackCursor(body, 0, body.length);
  const count = cursor.mapLength();
  if (!count)
    throw new PayloadError(
      "body",
      "The request body must be a MessagePack map with a message for each hub protocol.",
    );
  const payload: EncodedPayload = {};
  for (let index = 0; index < count; index++) {
    const start = cursor.position;
    const name = cursor.text();
    if (typeof name !== "string") throw badEntry("the name of a hub protocol, as a string", start);
    const protocol = hubProtocolNamed(name);
    const at = cursor.position;
    if (protocol === undefined) {
      if (!cursor.skip()) throw badEntry("a whole MessagePack element", at);
      continue;
    }
    const messages = cursor.binary();
    if (messages === undefined) throw badEntry("a whole MessagePack bin", at);
    checkMessages({ protocol, messages, rule }, cursor.position - messages.length);
    payload[protocol.name] = messages;
  }
  if (!cursor.atEnd) throw badEntry("the end", cursor.position);
  return payload;
}

function badEntry(expected: string, position: number): PayloadError {
  return new PayloadError("body", `The request body must have ${expected} at byte ${position}.`);
}

interface EncodedMessages {
  readonly protocol: HubProtocol;
  readonly messages: Buffer;
  readonly rule: MessageRule;
}

/** @param position where the messages are in the body */
function checkMessages(all: EncodedMessages, position: number): void {
  const { protocol, messages } = all;
  for (let start = 0, index = 0; index === 0 || start < messages.length; index++) {
    const problem = problemAt(all, start, index);
    if (typeof problem === "string")
      throw new PayloadError("body", `The ${protocol.name} message at byte ${position + start} ${problem}.`);
    start = problem;
  }
}

/** What is wrong with the message, or the index after it. */
function problemAt(
  { protocol, messages, rule }: EncodedMessages,
  start: number,
  index: number,
): string | number {
  try {
    const end = protocol.findEnd(messages, start, Infinity);
    if (end < 0) return "is incomplete";
    return rule(protocol.read(messages, start, end), index) ?? end;
  } catch (cause) {
    if (cause instanceof ProtocolError) return `is not valid: ${cause.message}`;
    throw cause;
  }
}
