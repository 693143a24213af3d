import { HubMessageType, type HubProtocol } from "../protocol/hub-protocol.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { Call } from "./call.ts";
import { type UpstreamFailure, wrongStatus } from "./failure.ts";
import type { HttpAnswer } from "./http-call.ts";

/** What a webhook's answer comes to. */
export interface Verdict {
  /** What the client is sent, a whole framed Completion; absent where it waits for nothing, or goes on waiting. */
  readonly completion?: Buffer;
  /** Absent: the webhook took the event. */
  readonly failure?: UpstreamFailure;
}

const RECORD_SEPARATOR = 0x1e;

/** Judges an answer, docs/spec/serverless-upstream.md §4. */
export function verdictOn(
  result: HttpAnswer | UpstreamFailure,
  { invocationId, isStream }: Pick<Call, "invocationId" | "isStream">,
  protocol: HubProtocol,
): Verdict {
  if (invocationId === undefined)
    return "outcome" in result ? { failure: result } : isSuccess(result.status) ? {} : failed(result.status);
  const refused = (failure: UpstreamFailure): Verdict => ({
    failure,
    completion: protocol.completionError(invocationId, failure.told),
  });
  if ("outcome" in result) return refused(result);
  const { status, body } = result;
  if (status === 204 || (status === 200 && body.length === 0))
    // A stream goes on: its items and its end come by REST.
    return isStream ? {} : { completion: protocol.completionVoid(invocationId) };
  if (status !== 200) return refused(wrongStatus(status));
  const completion = framedCompletion(body, invocationId, protocol);
  if (typeof completion !== "string") return { completion };
  return refused({
    outcome: "badReply",
    status,
    reason: `its answer is no completion: ${completion}`,
    told: `Invocation failed, the response is no completion: ${completion}`,
  });
}

/** Whether the body is worth reading. */
export function wantsBody({ invocationId }: Pick<Call, "invocationId">, status: number): boolean {
  return invocationId !== undefined && status === 200;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function failed(status: number): Verdict {
  return { failure: wrongStatus(status) };
}

/** The body as it goes to the client, or what is wrong with it. A missing record separator is forgiven. */
function framedCompletion(body: Buffer, invocationId: string, protocol: HubProtocol): Buffer | string {
  const isEnded = protocol.transferFormat === "Binary" || body.includes(RECORD_SEPARATOR);
  const framed = isEnded ? body : Buffer.concat([body, Buffer.of(RECORD_SEPARATOR)]);
  try {
    const end = protocol.findEnd(framed, 0, Infinity);
    if (end < 0) return `it ends before its length prefix says.${hint(body)}`;
    const { type, invocationId: id } = protocol.read(framed, 0, end);
    if (type !== HubMessageType.completion) return `its type is ${type}, not 3.`;
    if (id !== invocationId)
      return `it is for invocation '${shortened(id)}', not '${shortened(invocationId)}'.`;
    if (end < framed.length) return `${framed.length - end} bytes follow it.`;
    return framed;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return (
      error.message.replace(/^\w+Exception: /, "") + (protocol.transferFormat === "Binary" ? hint(body) : "")
    );
  }
}

/** An array where the length prefix should be is the usual mistake. */
function hint(body: Buffer): string {
  return ((body[0] ?? 0) & 0xf0) === 0x90 ? " Its length prefix may be missing." : "";
}

function shortened(id = ""): string {
  return id.length > 64 ? `${id.slice(0, 64)}…` : id;
}
