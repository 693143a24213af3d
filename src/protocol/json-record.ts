import { isUtf8 } from "node:buffer";
import { JsonMembers, jsonKind, readInteger } from "./json-members.ts";
import { JsonSyntaxError, skipValue, skipWhitespace } from "./json-scan.ts";
import { readString } from "./json-string.ts";
import { invalidData, ProtocolError } from "./protocol-error.ts";

/** Ends every JSON record. No JSON text can hold it: control characters must be escaped. */
export const RECORD_SEPARATOR = 0x1e;

/**
 * A walk over the members of the object that stands in a record, before `end`.
 * What may be no UTF-8 (text frames are checked, bodies and binary frames are not) is refused: the bytes are passed on
 * to readers that trust them.
 * @throws {ProtocolError}
 * @throws {JsonSyntaxError} which `recordError` turns into what the peer is told
 */
export function recordMembers(record: Buffer, end: number): JsonMembers {
  if (!isUtf8(record)) throw new JsonSyntaxError("not UTF-8", 0);
  const start = skipWhitespace(record, 0, end);
  if (start < end && record[start] !== 0x7b) {
    skipValue(record, start, end);
    throw invalidData(`Unexpected JSON Token Type '${jsonKind(record, start)}'. Expected a JSON Object.`);
  }
  return new JsonMembers(record, start, end);
}

/** What to throw for what was caught while a record was read. */
export function recordError(cause: unknown): unknown {
  return cause instanceof JsonSyntaxError ? invalidData("Error reading JSON.", { cause }) : cause;
}

/** The string that the present member must be. */
export function textMember(record: Buffer, { valueStart, valueEnd }: JsonMembers, name: string): string {
  if (record[valueStart] !== 0x22) throw invalidData(`Expected '${name}' to be of type String.`);
  return readString(record, valueStart, valueEnd);
}

/** The whole number of so many bits that the present member must be. */
export function integerMember(
  record: Buffer,
  { valueStart, valueEnd }: JsonMembers,
  name: string,
  bits: 32 | 64,
): number {
  if (jsonKind(record, valueStart) !== "Number")
    throw invalidData(`Expected '${name}' to be of type Number.`);
  const value = readInteger(record, valueStart, valueEnd);
  const limit = 2 ** (bits - 1);
  if (value === undefined || value < -limit || value >= limit) {
    throw new ProtocolError(
      `FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int${bits}.`,
    );
  }
  return value;
}
