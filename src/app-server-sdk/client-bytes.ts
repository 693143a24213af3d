import { ReceiveBuffer } from "../core/receive-buffer.ts";
import { messageTooLarge } from "../protocol/protocol-error.ts";

/** Takes what begins at `start`; returns the index after it, or -1 while it is incomplete. @throws {ProtocolError} */
export type TakeOne = (bytes: Buffer, start: number) => number;

/** What has come of a client and is not a whole message yet. */
export class ClientBytes {
  readonly #maxMessageBytes: number;
  #unfinished: ReceiveBuffer | undefined;
  /** Of a hub message whose last piece has not come. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Keeps a piece of a hub message, which counts only with its last one. @throws {ProtocolError} */
  addPiece(piece: Buffer): void {
    this.#pieces.push(Buffer.from(piece));
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#maxMessageBytes) throw messageTooLarge(this.#maxMessageBytes);
  }

  /** The pieces will come again, all of them. */
  dropPieces(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  /** Takes what is whole with these bytes. @throws {ProtocolError} */
  add(payload: Buffer, takeOne: TakeOne): void {
    const bytes = this.#pieces.length === 0 ? payload : Buffer.concat([...this.#pieces, payload]);
    this.dropPieces();
    this.#unfinished?.append(bytes);
    const all = this.#unfinished?.bytes ?? bytes;
    let at = 0;
    while (at < all.length) {
      const end = takeOne(all, at);
      if (end < 0) break;
      at = end;
    }
    if (this.#unfinished !== undefined) this.#unfinished.consume(at);
    else if (at < all.length) this.#unfinished = new ReceiveBuffer(all.subarray(at));
    if (this.#unfinished?.length === 0) this.#unfinished = undefined;
  }
}
