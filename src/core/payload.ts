import type { HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { EncodedMessage } from "./encoded-message.ts";

/** One message to clients, encoded at most once per hub protocol however many clients receive it. */
export class Payload {
  readonly #encode: (protocol: HubProtocolName) => Buffer | undefined;
  #json: EncodedMessage | null | undefined;
  #messagePack: EncodedMessage | null | undefined;

  private constructor(encode: (protocol: HubProtocolName) => Buffer | undefined) {
    this.#encode = encode;
  }

  /**
   * An invocation whose arguments are JSON. JSON clients get the very bytes of `args`; they are decoded only
   * when a MessagePack client is among the recipients, once.
   * @param args a JSON array as UTF-8 text, known to be valid
   */
  static invocation(target: string, args: Buffer): Payload {
    return new Payload((protocol) => hubProtocols[protocol].invocation(target, args));
  }

  /** Messages that the sender encoded and framed itself; a client whose protocol is missing gets nothing. */
  static encoded(framed: Partial<Record<HubProtocolName, Buffer>>): Payload {
    return new Payload((protocol) => framed[protocol]);
  }

  /** The message in this hub protocol; `undefined` where its sender left that protocol out. */
  encodedWith(protocol: HubProtocolName): EncodedMessage | undefined {
    if (protocol === "json") {
      if (this.#json === undefined) this.#json = this.#encodeOnce("json");
      return this.#json ?? undefined;
    }
    if (this.#messagePack === undefined) this.#messagePack = this.#encodeOnce("messagepack");
    return this.#messagePack ?? undefined;
  }

  #encodeOnce(protocol: HubProtocolName): EncodedMessage | null {
    const bytes = this.#encode(protocol);
    return bytes === undefined ? null : new EncodedMessage(bytes, hubProtocols[protocol].transferFormat);
  }
}
