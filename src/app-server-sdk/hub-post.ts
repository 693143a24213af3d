import type { ServicePayload } from "../protocol/service-message.ts";
import { type ClientPost, multicast, type Recipients, text } from "./audience.ts";
import type { ClientResults } from "./client-results.ts";
import { type HubCodec, hubCodecs } from "./hub-codec.ts";
import type { HubConnections } from "./hub-connections.ts";
import type { Sender } from "./sender.ts";
import type { Settings } from "./settings.ts";

export interface HubPostOptions {
  readonly settings: Settings;
  readonly sender: Sender;
  readonly results: ClientResults;
  readonly hubConnections: HubConnections;
}

/** Carries messages to clients, through the service: each encoded once for every hub protocol that somebody may need it in. */
export class HubPost implements ClientPost {
  readonly #options: HubPostOptions;
  readonly #codecs: readonly HubCodec[];

  constructor(options: HubPostOptions) {
    this.#options = options;
    this.#codecs = options.settings.protocols.map((name) => hubCodecs[name]);
  }

  async send(recipients: Recipients, target: string, args: readonly unknown[]): Promise<void> {
    const only = recipients.to === "clients" ? recipients.connectionIds : [];
    const payload = this.#codecsOf(only).map(
      (codec) => [codec.name, codec.invocation(text(target), args)] as const,
    );
    const message = multicast(recipients, payload);
    if (message !== undefined) await this.#options.sender.send(message);
  }

  async invoke(connectionId: string, target: string, args: readonly unknown[]): Promise<unknown> {
    const { settings, sender, results } = this.#options;
    const { invocationId, result } = results.expect(text(connectionId), settings.clock.monotonicMs());
    try {
      const payload: ServicePayload = this.#codecsOf([connectionId]).map(
        (codec) => [codec.name, codec.invocation(text(target), args, invocationId)] as const,
      );
      const { serverName: callerServerId } = settings;
      await Promise.race([
        sender.send({ type: "clientInvocation", invocationId, connectionId, callerServerId, payload }),
        result,
      ]);
    } catch (error) {
      results.forget(invocationId);
      throw error;
    }
    return result;
  }

  /** What clients of our own speak; anything for others. */
  #codecsOf(connectionIds: readonly string[]): readonly HubCodec[] {
    const codecs = connectionIds.map((id) => this.#options.hubConnections.get(id)?.chosenCodec);
    if (codecs.length === 0 || codecs.includes(undefined)) return this.#codecs;
    return this.#codecs.filter((codec) => codecs.includes(codec));
  }
}
