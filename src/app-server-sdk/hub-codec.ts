import { Decoder, Encoder } from "@msgpack/msgpack";
import { hubJson } from "../protocol/hub-json.ts";
import {
  hubMessagePack,
  messagePackCompletion,
  messagePackInvocation,
  messagePackStreamItem,
} from "../protocol/hub-messagepack.ts";
import type { HubProtocol } from "../protocol/hub-protocol.ts";

/** One hub protocol with the values that its messages carry. */
export interface HubCodec {
  readonly name: "json" | "messagepack";
  readonly protocol: HubProtocol;
  /** A framed Invocation. @throws what the values throw while they are written */
  invocation(target: string, args: readonly unknown[], invocationId?: string): Buffer;
  /** A framed StreamItem. @throws as `invocation` */
  streamItem(invocationId: string, item: unknown): Buffer;
  /** A framed Completion with a result; `undefined` counts as `null`. @throws as `invocation` */
  completion(invocationId: string, result: unknown): Buffer;
  /** One value. @throws for one that cannot be held */
  read(value: Buffer): unknown;
}

const json: HubCodec = {
  name: "json",
  protocol: hubJson,
  invocation: (target, args, invocationId) => hubJson.invocation(target, toJson(args), invocationId),
  streamItem: (invocationId, item) => hubJson.streamItem(invocationId, toJson(item)),
  completion: (invocationId, result) => hubJson.completionResult(invocationId, toJson(result)),
  read: (value) => JSON.parse(value.toString()),
};

const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder();

// What the encoder returns is its own; the messages have a copy.
const messagepack: HubCodec = {
  name: "messagepack",
  protocol: hubMessagePack,
  invocation: (target, args, invocationId) =>
    messagePackInvocation(target, encoder.encodeSharedRef(args), invocationId),
  streamItem: (invocationId, item) =>
    messagePackStreamItem(invocationId, encoder.encodeSharedRef(item ?? null)),
  completion: (invocationId, result) =>
    messagePackCompletion(invocationId, encoder.encodeSharedRef(result ?? null)),
  read: (value) => decoder.decode(value),
};

/** The hub protocols that an app server speaks. */
export const hubCodecs: Readonly<Record<"json" | "messagepack", HubCodec>> = { json, messagepack };

function toJson(value: unknown): Buffer {
  // Functions and undefined have no JSON; JSON.stringify's type does not say so.
  return Buffer.from((JSON.stringify(value) as string | undefined) ?? "null");
}
