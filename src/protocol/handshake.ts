import { JsonKeys } from "./json-members.ts";
import { integerMember, recordError, recordMembers, textMember } from "./json-record.ts";
import { jsonString } from "./json-string.ts";
import { invalidData } from "./protocol-error.ts";

/** What a client asks for before anything else; whether it is served is the session's matter. */
export interface HandshakeRequest {
  /** As the client wrote it: names of hub protocols are compared in any letter case. */
  readonly protocol: string;
  /** Any 32-bit number; 0 and below count as 1. */
  readonly version: number;
}

const KEYS = new JsonKeys("protocol", "version");

/**
 * Reads a handshake request: a JSON record whatever hub protocol it asks for, docs/spec/client-endpoint.md §3.2.
 * @param end index of its record separator
 * @throws {ProtocolError} with the details that ASP.NET tells, but never the client's own text
 */
export function readHandshakeRequest(buffer: Buffer, start: number, end: number): HandshakeRequest {
  const record = buffer.subarray(start, end);
  let protocol: string | undefined;
  let version: number | undefined;
  try {
    const members = recordMembers(record, record.length);
    while (members.next()) {
      const key = KEYS.find(record, members.keyStart, members.keyEnd);
      if (key === "protocol") protocol = textMember(record, members, key);
      else if (key === "version") version = integerMember(record, members, key, 32);
    }
  } catch (cause) {
    throw recordError(cause);
  }
  if (protocol === undefined) throw invalidData("Missing required property 'protocol'.");
  if (version === undefined) throw invalidData("Missing required property 'version'.");
  return { protocol, version };
}

/** The answer to a handshake request: accepted, or refused for a reason. Some clients take no other member than `error`. */
export function handshakeReply(error?: string): Buffer {
  return Buffer.from(error === undefined ? "{}\x1e" : `{"error":${jsonString(error)}}\x1e`);
}
