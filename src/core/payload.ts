import type { EncodedPayload } from "../protocol/encoded-payload.ts";
import type { HubProtocol, HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { EncodedMessage } from "./encoded-message.ts";

/** One message to clients, encoded at most once per hub protocol however many clients receive it. */
export class Payload {
  readonly #encode: (protocol: HubProtocolName) => EncodedMessage | undefined;
  #json: EncodedMessage | null | undefined;
  #messagePack: EncodedMessage | null | undefined;
  #blazorPack: EncodedMessage | null | undefined;

  private constructor(encode: (protocol: HubProtocolName) => EncodedMessage | undefined) {
    this.#encode = encode;
  }

  /**
   * An invocation whose arguments are JSON. JSON clients get the very bytes of `args`; they are decoded only
   * when a MessagePack client is among the recipients, once.
   * @param args a JSON array as UTF-8 text, known to be valid
   */
  static invocation(target: string, args: Buffer): Payload {
    return Payload.#written((codec) => codec.invocation(target, args));
  }

  /** Messages that the sender encoded and framed itself; a client whose protocol is missing gets nothing. */
  static encoded(framed: EncodedPayload): Payload {
    return new Payload((protocol) => {
      const bytes = framed[protocol];
      if (bytes === undefined) return undefined;
      return new EncodedMessage(bytes, hubProtocols[protocol].transferFormat, countOf(bytes, protocol));
    });
  }

  /**
   * An item of a stream that a client has asked for.
   * @param item one JSON value as UTF-8 text, known to be valid
   */
  static streamItem(streamId: string, item: Buffer): Payload {
    return Payload.#written((codec) => codec.streamItem(streamId, item));
  }

  /** The end of a stream that a client has asked for: its failure, where there is an error. */
  static streamEnd(streamId: string, error: string | undefined): Payload {
    return Payload.#written((codec) =>
      error === undefined ? codec.completionVoid(streamId) : codec.completionError(streamId, error),
    );
  }

  /** One message that we write ourselves. */
  static #written(write: (codec: HubProtocol) => Buffer): Payload {
    return new Payload((protocol) => {
      const codec = hubProtocols[protocol];
      return new EncodedMessage(write(codec), codec.transferFormat);
    });
  }

  /** The message in this hub protocol; `undefined` where its sender left that protocol out. */
  encodedWith(protocol: HubProtocolName): EncodedMessage | undefined {
    switch (protocol) {
      case "json":
        if (this.#json === undefined) this.#json = this.#encode(protocol) ?? null;
        return this.#json ?? undefined;
      case "messagepack":
        if (this.#messagePack === undefined) this.#messagePack = this.#encode(protocol) ?? null;
        return this.#messagePack ?? undefined;
      case "blazorpack":
        if (this.#blazorPack === undefined) this.#blazorPack = this.#encode(protocol) ?? null;
        return this.#blazorPack ?? undefined;
    }
  }
}

/** How many whole framed messages these are. */
function countOf(bytes: Buffer, protocol: HubProtocolName): number {
  let count = 0;
  for (let at = 0; at >= 0 && at < bytes.length; count++)
    at = hubProtocols[protocol].findEnd(bytes, at, Infinity);
  return count;
}
