import type { EncodedPayload } from "../protocol/encoded-payload.ts";
import type { HubProtocol, HubProtocolName } from "../protocol/hub-protocol.ts";
import type { PayloadMessage } from "../protocol/payload-message.ts";
import { EncodedMessage } from "./encoded-message.ts";

/**
 * What one client is to invoke and to answer: a method and its arguments in JSON, or the invocation as the caller
 * framed it in each hub protocol that it speaks, with or without an id.
 */
export type ClientMethod = PayloadMessage | { readonly encoded: EncodedPayload };

/** A call of a method of one client. */
export interface ClientCall {
  /** Full hub name. */
  readonly hub: string;
  readonly connectionId: string;
  readonly method: ClientMethod;
  /** Aborted when nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
}

/** What came of a call. */
export type CallOutcome =
  | {
      readonly outcome: "completed";
      readonly protocol: HubProtocolName;
      /** The framed Completion as the client wrote it. */
      readonly bytes: Buffer;
      /** The result in it, as the client wrote it; `undefined` for a method without one. */
      readonly result: Buffer | undefined;
    }
  /** It cannot be answered any more; `error` says why, in the client's words where it has told. */
  | {
      readonly outcome: "failed" | "disconnected" | "timedOut" | "abandoned";
      readonly error: string;
    }
  /** The hub has no such connection. */
  | { readonly outcome: "notConnected" }
  /** The caller has framed it in other hub protocols than the client's. */
  | { readonly outcome: "notEncoded"; readonly protocol: HubProtocolName }
  /** As many calls as allowed wait for clients. */
  | { readonly outcome: "busy" };

/** The invocation with its id, as the client gets it; `undefined` where the caller has left out the client's protocol. */
export function encodeCall(
  method: ClientMethod,
  protocol: HubProtocol,
  invocationId: string,
): EncodedMessage | undefined {
  if ("target" in method) {
    const { target, args } = method;
    return new EncodedMessage(protocol.invocation(target, args, invocationId), protocol.transferFormat);
  }
  const framed = method.encoded[protocol.name];
  if (framed === undefined) return undefined;
  return new EncodedMessage(protocol.withInvocationId(framed, invocationId), protocol.transferFormat);
}
