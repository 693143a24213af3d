import { isUtf8 } from "node:buffer";
import { AT_CHARACTER, checkUtf8, type Utf8State } from "./utf8-check.ts";
import { WebSocketError } from "./websocket-error.ts";
import { Opcode } from "./websocket-frame.ts";
import { rotateMask, unmask } from "./websocket-mask.ts";

/** What a close frame without a code stands for, RFC 6455 §7.1.5. */
const NO_STATUS_RECEIVED = 1005;
const MAX_CONTROL_PAYLOAD_BYTES = 125;
/** Two bytes, and the mask. */
const MIN_HEADER_BYTES = 6;
/** The longest thing that is kept until it is complete: a control frame. (The longest header of a data frame has 14.) */
const MAX_CARRIED_BYTES = MIN_HEADER_BYTES + MAX_CONTROL_PAYLOAD_BYTES;
const EMPTY = Buffer.alloc(0);

/** What a `WebSocketReader` finds, in the order it came. Buffers are views that must be copied to be kept. */
export interface WebSocketFrameHandler {
  /**
   * A piece of a message, cut where frames and chunks happened to end. Empty only when a message ends without more bytes.
   * Text is known to be UTF-8 as far as it came; a piece may end inside of a character.
   */
  onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The peer's last frame. `code` is 1005 when it carries none. */
  onClose(code: number, reason: string): void;
}

/**
 * The server's side of reading RFC 6455 frames, without extensions. Data is handed over as it arrives and neither messages
 * nor frames are put together, so what a connection costs does not depend on the size of its messages: nothing while it
 * is idle, at most `MAX_CARRIED_BYTES` inside of a header or a control frame.
 */
export class WebSocketReader {
  /** The start of a header or a control frame. */
  #carried: Buffer | undefined;
  /** Payload bytes of the present data frame that are still to come. */
  #remaining = 0;
  /** For the next of these bytes; see `unmask`. */
  #mask = 0;
  #isFinalFrame = true;
  /** The type of the unfinished message; `continuation` when there is none. */
  #messageType: Opcode = Opcode.continuation;
  #utf8: Utf8State = AT_CHARACTER;
  #isClosed = false;

  /**
   * Reads what came from the socket. `chunk` is unmasked in place and belongs to the reader.
   * Nothing is read after a close frame.
   * @throws {WebSocketError} when the peer broke the rules; the reader must not be used again
   */
  read(chunk: Buffer, handler: WebSocketFrameHandler): void {
    let at = this.#carried === undefined ? 0 : this.#readCarried(this.#carried, chunk, handler);
    while (at < chunk.length && !this.#isClosed) {
      if (this.#remaining > 0) {
        at = this.#readPayload(chunk, at, handler);
        continue;
      }
      const end = this.#readStart(chunk, at, handler);
      if (end < 0) {
        this.#carried = copied(chunk.subarray(at));
        return;
      }
      at = end;
    }
  }

  /** Completes what was carried over with the start of `chunk`; returns how much of the chunk that took. */
  #readCarried(carried: Buffer, chunk: Buffer, handler: WebSocketFrameHandler): number {
    const start = Buffer.concat([carried, chunk.subarray(0, MAX_CARRIED_BYTES - carried.length)]);
    const end = this.#readStart(start, 0, handler);
    this.#carried = end < 0 ? copied(start) : undefined;
    return end < 0 ? chunk.length : end - carried.length;
  }

  /** Reads a data frame's header or a whole control frame; returns where it ends, or -1 when it is incomplete. */
  #readStart(bytes: Buffer, start: number, handler: WebSocketFrameHandler): number {
    const available = bytes.length - start;
    if (available < 2) return -1;
    const first = bytes[start] ?? 0;
    const second = bytes[start + 1] ?? 0;
    const opcode = this.#checkedOpcode(first, second);
    const shortLength = second & 0x7f;
    const headerLength = MIN_HEADER_BYTES + (shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8);
    if (available < headerLength) return -1;
    const end = start + headerLength;
    const mask = bytes.readInt32LE(end - 4);
    if (opcode >= Opcode.close) {
      if (available < headerLength + shortLength) return -1;
      unmask(bytes, end, end + shortLength, mask);
      this.#readControl(opcode, bytes.subarray(end, end + shortLength), handler);
      return end + shortLength;
    }
    this.#remaining = shortLength < 126 ? shortLength : longLength(bytes, start + 2, shortLength);
    this.#mask = mask;
    this.#isFinalFrame = (first & 0x80) !== 0;
    if (opcode !== Opcode.continuation) this.#messageType = opcode;
    if (this.#remaining === 0 && this.#isFinalFrame) this.#deliver(EMPTY, handler);
    return end;
  }

  #readPayload(chunk: Buffer, start: number, handler: WebSocketFrameHandler): number {
    const end = Math.min(chunk.length, start + this.#remaining);
    unmask(chunk, start, end, this.#mask);
    this.#mask = rotateMask(this.#mask, end - start);
    this.#remaining -= end - start;
    this.#deliver(chunk.subarray(start, end), handler);
    return end;
  }

  #deliver(piece: Buffer, handler: WebSocketFrameHandler): void {
    const endOfMessage = this.#isFinalFrame && this.#remaining === 0;
    const isBinary = this.#messageType === Opcode.binary;
    if (!isBinary) this.#checkText(piece, endOfMessage);
    if (endOfMessage) this.#messageType = Opcode.continuation;
    handler.onData(piece, isBinary, endOfMessage);
  }

  #checkText(piece: Buffer, endOfMessage: boolean): void {
    if (endOfMessage && this.#utf8 === AT_CHARACTER) {
      if (!isUtf8(piece)) throw new WebSocketError(1007, "A text message is not UTF-8.");
      return;
    }
    const state = checkUtf8(this.#utf8, piece);
    if (state === undefined || (endOfMessage && state !== AT_CHARACTER))
      throw new WebSocketError(1007, "A text message is not UTF-8.");
    this.#utf8 = state;
  }

  /** Checks all that the first two bytes of a frame tell. RFC 6455 §5.2, §5.4, §5.5. */
  #checkedOpcode(first: number, second: number): Opcode {
    if ((first & 0x70) !== 0) throw new WebSocketError(1002, "A reserved bit is set.");
    if ((second & 0x80) === 0) throw new WebSocketError(1002, "A client's frame is not masked.");
    const opcode = first & 0x0f;
    switch (opcode) {
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong:
        if ((first & 0x80) === 0) throw new WebSocketError(1002, "A control frame is fragmented.");
        if ((second & 0x7f) > MAX_CONTROL_PAYLOAD_BYTES)
          throw new WebSocketError(1002, "A control frame is larger than 125 bytes.");
        return opcode;
      case Opcode.continuation:
        if (this.#messageType === Opcode.continuation)
          throw new WebSocketError(1002, "A continuation frame has no message to continue.");
        return opcode;
      case Opcode.text:
      case Opcode.binary:
        if (this.#messageType !== Opcode.continuation)
          throw new WebSocketError(1002, "A message starts inside of another.");
        return opcode;
      default:
        throw new WebSocketError(1002, "An opcode is reserved.");
    }
  }

  #readControl(opcode: Opcode, payload: Buffer, handler: WebSocketFrameHandler): void {
    if (opcode === Opcode.ping) return handler.onPing(payload);
    if (opcode === Opcode.pong) return handler.onPong(payload);
    const code = payload.length === 0 ? NO_STATUS_RECEIVED : closeCode(payload);
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) throw new WebSocketError(1007, "A close reason is not UTF-8.");
    this.#isClosed = true;
    handler.onClose(code, reason.toString());
  }
}

/** The 16-bit (`shortLength` 126) or 64-bit (127) length at `at`. */
function longLength(bytes: Buffer, at: number, shortLength: number): number {
  if (shortLength === 126) {
    const length = bytes.readUInt16BE(at);
    if (length < 126) throw new WebSocketError(1002, "A length is not encoded in the fewest bytes.");
    return length;
  }
  const high = bytes.readUInt32BE(at);
  const length = high * 2 ** 32 + bytes.readUInt32BE(at + 4);
  if (high >= 2 ** 31) throw new WebSocketError(1002, "The highest bit of a length is set.");
  if (length > Number.MAX_SAFE_INTEGER) throw new WebSocketError(1009, "A frame is too large.");
  if (length < 65_536) throw new WebSocketError(1002, "A length is not encoded in the fewest bytes.");
  return length;
}

/** The code that a close frame's payload starts with. RFC 6455 §7.4. */
function closeCode(payload: Buffer): number {
  if (payload.length === 1) throw new WebSocketError(1002, "A close code has only one byte.");
  const code = payload.readUInt16BE();
  const isProtocols = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  if (!isProtocols && (code < 3000 || code > 4999))
    throw new WebSocketError(1002, "A close code is invalid.");
  return code;
}

/** A copy that keeps nothing else alive, as one from the pool would. */
function copied(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
