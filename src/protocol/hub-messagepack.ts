import { HubMessageType, type HubProtocol } from "./hub-protocol.ts";
import { jsonToMessagePack, messagePackBound } from "./json-to-messagepack.ts";
import { contentStart, MAX_PREFIX, prefixBytes, prefixedEnd, writePrefix } from "./length-prefix.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { MessagePackMessageReader, ResultKind } from "./messagepack-message.ts";
import { writeByte, writeInteger, writeString } from "./messagepack-write.ts";

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const NO_HEADERS = 0x80;
const EMPTY_ARRAY = 0x90;

/**
 * Hub protocol `messagepack`: a length prefix (7 bits a byte, the lowest first) and one MessagePack array,
 * docs/spec/client-endpoint.md §3.1, §3.6. Elements behind those that this version knows are passed over.
 */
export const hubMessagePack: HubProtocol = {
  name: "messagepack",
  transferFormat: "Binary",

  findEnd: prefixedEnd,

  read(buffer, start, end) {
    const content = contentStart(buffer, start, end);
    return new MessagePackMessageReader(buffer, content < 0 ? end : content, end).read(
      buffer.subarray(start, end),
    );
  },

  invocation: (target, args, invocationId) => invocation(target, fromJson(args), invocationId),

  withInvocationId(message, invocationId) {
    const start = contentStart(message, 0, message.length);
    const cursor = new MessagePackCursor(message, start, message.length);
    cursor.arrayLength();
    cursor.skip(); // type
    cursor.skip(); // headers
    const idStart = cursor.position;
    cursor.skip();
    return framed(message.length + 5 + 3 * invocationId.length, (out, position) => {
      const at = position + message.copy(out, position, start, idStart);
      const end = writeString(out, at, invocationId);
      return end + message.copy(out, end, cursor.position);
    });
  },

  streamItem: (invocationId, item) => streamItem(invocationId, fromJson(item)),
  completionResult: (invocationId, result) => completionResult(invocationId, fromJson(result)),

  completionError(invocationId, error) {
    return framed(20 + 3 * (invocationId.length + error.length), (out, start) => {
      let at = writeByte(out, start, 0x95);
      at = writeByte(out, at, HubMessageType.completion);
      at = writeByte(out, at, NO_HEADERS);
      at = writeString(out, at, invocationId);
      at = writeByte(out, at, ResultKind.error);
      return writeString(out, at, error);
    });
  },

  completionVoid(invocationId) {
    return framed(20 + 3 * invocationId.length, (out, start) => {
      let at = writeByte(out, start, 0x94);
      at = writeByte(out, at, HubMessageType.completion);
      at = writeByte(out, at, NO_HEADERS);
      at = writeString(out, at, invocationId);
      return writeByte(out, at, ResultKind.void);
    });
  },

  content: (framed) => framed.subarray(contentStart(framed, 0, framed.length)),

  ping: Buffer.of(2, 0x91, HubMessageType.ping),

  close(error, allowReconnect) {
    return framed(20 + 3 * (error?.length ?? 0), (out, start) => {
      let at = writeByte(out, start, 0x93);
      at = writeByte(out, at, HubMessageType.close);
      at = error === undefined ? writeByte(out, at, NIL) : writeString(out, at, error);
      return writeByte(out, at, allowReconnect ? TRUE : FALSE);
    });
  },

  ack: (sequenceId) => numbered(HubMessageType.ack, sequenceId),
  sequence: (sequenceId) => numbered(HubMessageType.sequence, sequenceId),
};

/** A framed Invocation. @param args a MessagePack array */
export function messagePackInvocation(target: string, args: Uint8Array, invocationId?: string): Buffer {
  return invocation(target, asItIs(args), invocationId);
}

/** A framed StreamItem. @param item one MessagePack element */
export function messagePackStreamItem(invocationId: string, item: Uint8Array): Buffer {
  return streamItem(invocationId, asItIs(item));
}

/** A framed Completion that carries a result. @param result one MessagePack element */
export function messagePackCompletion(invocationId: string, result: Uint8Array): Buffer {
  return completionResult(invocationId, asItIs(result));
}

/** What stands for arguments, an item or a result. */
interface Value {
  /** At most so many. */
  readonly bytes: number;
  readonly write: (out: Buffer, position: number) => number;
}

function fromJson(json: Buffer): Value {
  return {
    bytes: messagePackBound(json.length),
    write: (out, position) => jsonToMessagePack(json, out, position),
  };
}

function asItIs(value: Uint8Array): Value {
  return {
    bytes: value.length,
    write: (out, position) => {
      out.set(value, position);
      return position + value.length;
    },
  };
}

function invocation(target: string, args: Value, invocationId: string | undefined): Buffer {
  const bound = 30 + 3 * ((invocationId?.length ?? 0) + target.length) + args.bytes;
  return framed(bound, (out, start) => {
    let at = writeByte(out, start, 0x96);
    at = writeByte(out, at, HubMessageType.invocation);
    at = writeByte(out, at, NO_HEADERS);
    at = invocationId === undefined ? writeByte(out, at, NIL) : writeString(out, at, invocationId);
    at = writeString(out, at, target);
    at = args.write(out, at);
    return writeByte(out, at, EMPTY_ARRAY);
  });
}

function streamItem(invocationId: string, item: Value): Buffer {
  return framed(20 + 3 * invocationId.length + item.bytes, (out, start) => {
    let at = writeByte(out, start, 0x94);
    at = writeByte(out, at, HubMessageType.streamItem);
    at = writeByte(out, at, NO_HEADERS);
    at = writeString(out, at, invocationId);
    return item.write(out, at);
  });
}

function completionResult(invocationId: string, result: Value): Buffer {
  return framed(20 + 3 * invocationId.length + result.bytes, (out, start) => {
    let at = writeByte(out, start, 0x95);
    at = writeByte(out, at, HubMessageType.completion);
    at = writeByte(out, at, NO_HEADERS);
    at = writeString(out, at, invocationId);
    at = writeByte(out, at, ResultKind.nonVoid);
    return result.write(out, at);
  });
}

function numbered(type: number, sequenceId: number): Buffer {
  return framed(20, (out, start) => {
    return writeInteger(out, writeByte(out, writeByte(out, start, 0x92), type), sequenceId);
  });
}

/** Where most messages are composed before they are copied out at their true size. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** A message of at most `maxBytes` that `write` composes from an index on, returning the index after it. */
function framed(maxBytes: number, write: (out: Buffer, start: number) => number): Buffer {
  const out = maxBytes + MAX_PREFIX <= scratch.length ? scratch : Buffer.allocUnsafe(maxBytes + MAX_PREFIX);
  const end = write(out, MAX_PREFIX);
  const length = end - MAX_PREFIX;
  const start = MAX_PREFIX - prefixBytes(length);
  writePrefix(out, start, length);
  return Buffer.from(out.subarray(start, end));
}
