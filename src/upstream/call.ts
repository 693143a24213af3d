import type { CloseReason } from "../core/ports.ts";
import { type HubMessage, HubMessageType, type HubProtocol } from "../protocol/hub-protocol.ts";
import type { UpstreamEvent } from "./route.ts";

/** One event of one client, as a webhook is to be told of it. */
export interface Call extends UpstreamEvent {
  readonly contentType: "application/json" | "application/x-msgpack";
  readonly body: Buffer;
  /** Present where the client waits for a result. */
  readonly invocationId?: string | undefined;
  /** Whether the result is a stream, whose items come by REST. */
  readonly isStream: boolean;
}

const CONTENT_TYPES = { Text: "application/json", Binary: "application/x-msgpack" } as const;
const CONNECTED = Buffer.from('{"type":10}');

/** A client has come; JSON for every hub protocol, docs/spec/serverless-upstream.md §3.5. */
export function connectedCall(hub: string): Call {
  return {
    hub,
    category: "connections",
    event: "connected",
    contentType: "application/json",
    body: CONNECTED,
    isStream: false,
  };
}

/** A client has gone; with the reason where it was not the client's own wish. */
export function disconnectedCall(
  hub: string,
  { category, message }: Pick<CloseReason, "category" | "message">,
): Call {
  const error = category === "Normal" ? {} : { error: message };
  return {
    hub,
    category: "connections",
    event: "disconnected",
    contentType: "application/json",
    body: Buffer.from(JSON.stringify({ type: 11, ...error })),
    isStream: false,
  };
}

/** A client invokes: the bytes as it wrote them, without their frame. */
export function messageCall(
  hub: string,
  protocol: HubProtocol,
  { type, target = "", invocationId, bytes }: HubMessage,
): Call {
  return {
    hub,
    category: "messages",
    event: target,
    contentType: CONTENT_TYPES[protocol.transferFormat],
    body: Buffer.from(protocol.content(bytes)),
    invocationId,
    isStream: type === HubMessageType.streamInvocation,
  };
}
