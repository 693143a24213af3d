import { type HubMessage, HubMessageType } from "./hub-protocol.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { invalidData, type ProtocolError } from "./protocol-error.ts";

const EMPTY_ARRAY = 0x90;

/** Result kinds of a Completion. */
export const ResultKind = { error: 1, void: 2, nonVoid: 3 } as const;

/**
 * Reads the array that is a hub message, in the order of its elements. Every element belongs to the message's extent,
 * and no byte of that to none.
 */
export class MessagePackMessageReader {
  readonly #buffer: Buffer;
  readonly #cursor: MessagePackCursor;
  /** Elements of the array that were not read. */
  #left: number;

  /**
   * @param start index after the length prefix
   * @throws {ProtocolError}
   */
  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer;
    this.#cursor = new MessagePackCursor(buffer, start, end);
    const elements = this.#cursor.arrayLength();
    if (elements === undefined) throw malformed();
    this.#left = elements;
  }

  /**
   * @param bytes the message with its length prefix
   * @throws {ProtocolError}
   */
  read(bytes: Buffer): HubMessage {
    const message = this.#message(bytes);
    while (this.#left > 0) {
      this.#left--;
      if (!this.#cursor.skip()) throw malformed();
    }
    if (!this.#cursor.atEnd) throw malformed();
    return message;
  }

  #message(bytes: Buffer): HubMessage {
    const type = this.#integer("messageType", 32);
    switch (type) {
      case HubMessageType.invocation: {
        const invocationId = this.#headersAndId();
        const target = this.#target("Invocation");
        const value = this.#array("arguments");
        return this.#withStreams(
          invocationId ? { type, invocationId, target, bytes, value } : { type, target, bytes, value },
        );
      }
      case HubMessageType.streamInvocation: {
        const invocationId = this.#headersAndRequiredId("StreamInvocation");
        const target = this.#target("StreamInvocation");
        const value = this.#array("arguments");
        return this.#withStreams({ type, invocationId, target, bytes, value });
      }
      case HubMessageType.streamItem:
        return {
          type,
          invocationId: this.#headersAndRequiredId("StreamItem"),
          bytes,
          value: this.#value("item"),
        };
      case HubMessageType.completion:
        return this.#completion(bytes);
      case HubMessageType.cancelInvocation:
        return { type, invocationId: this.#headersAndRequiredId("CancelInvocation"), bytes };
      case HubMessageType.close: {
        const error = this.#text("error");
        const allowReconnect = this.#left > 0 && this.#boolean("allowReconnect");
        return error === null ? { type, allowReconnect, bytes } : { type, error, allowReconnect, bytes };
      }
      case HubMessageType.ack:
      case HubMessageType.sequence:
        return { type, sequenceId: this.#integer("sequenceId", 64), bytes };
      default: // Ping, and what the session skips
        return { type, bytes };
    }
  }

  #completion(bytes: Buffer): HubMessage {
    const type = HubMessageType.completion;
    const invocationId = this.#headersAndRequiredId("Completion");
    switch (this.#integer("resultKind", 32)) {
      case ResultKind.error:
        return { type, invocationId, error: this.#text("error") ?? "", bytes };
      case ResultKind.void:
        return { type, invocationId, bytes };
      case ResultKind.nonVoid:
        return { type, invocationId, bytes, value: this.#value("result") };
      default:
        throw invalidData("Invalid invocation result kind.");
    }
  }

  /** Checks the headers, which are passed on unread; the id that follows may be left out by nil or `""`. */
  #headersAndId(): string | null {
    const count = this.#next() ? this.#cursor.mapLength() : undefined;
    if (count === undefined) throw invalidData("Reading map length for 'headers' failed.");
    for (let index = 0; index < count; index++) {
      checkHeaderText(this.#cursor.text(), `headers[${index}].Key`, "key in header");
      checkHeaderText(this.#cursor.text(), `headers[${index}].Value`, "value in header");
    }
    return this.#text("invocationId");
  }

  #headersAndRequiredId(message: string): string {
    const invocationId = this.#headersAndId();
    if (!invocationId) throw invalidData(`Null or empty invocation ID for ${message} message.`);
    return invocationId;
  }

  #target(message: string): string {
    const target = this.#text("target");
    if (!target) throw invalidData(`Null or empty target for ${message} message.`);
    return target;
  }

  #text(field: string): string | null {
    const text = this.#next() ? this.#cursor.text() : undefined;
    if (text === undefined) throw invalidData(`Reading '${field}' as String failed.`);
    return text;
  }

  #integer(field: string, bits: 32 | 64): number {
    const value = this.#next() ? this.#cursor.integer() : undefined;
    const limit = 2 ** (bits - 1);
    if (value === undefined || value < -limit || value >= limit) {
      throw invalidData(`Reading '${field}' as Int${bits} failed.`);
    }
    return value;
  }

  #boolean(field: string): boolean {
    const value = this.#next() ? this.#cursor.boolean() : undefined;
    if (value === undefined) throw invalidData(`Reading '${field}' as Boolean failed.`);
    return value;
  }

  #value(field: string): Buffer {
    const start = this.#cursor.position;
    if (!this.#next() || !this.#cursor.skip()) throw invalidData(`Reading '${field}' failed.`);
    return this.#buffer.subarray(start, this.#cursor.position);
  }

  #array(field: string): Buffer {
    const value = this.#value(field);
    if (!isArray(value)) throw invalidData(`Reading array length for '${field}' failed.`);
    return value;
  }

  /** Only newer clients write stream ids where there are none. */
  #withStreams(message: HubMessage): HubMessage {
    if (this.#left <= 0) return message;
    const streamIds = this.#array("streamIds");
    return streamIds[0] === EMPTY_ARRAY ? message : { ...message, streamIds };
  }

  /** Whether the array has one more element, which is to be read now. */
  #next(): boolean {
    return this.#left-- > 0;
  }
}

function isArray(element: Buffer): boolean {
  const first = element[0] as number;
  return first >> 4 === 0x9 || first === 0xdc || first === 0xdd;
}

function checkHeaderText(text: string | null | undefined, field: string, what: string): void {
  if (text === undefined) throw invalidData(`Reading '${field}' as String failed.`);
  if (!text) throw invalidData(`Null or empty ${what}.`);
}

function malformed(): ProtocolError {
  return invalidData("Error reading MessagePack.");
}
