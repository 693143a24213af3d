import type { Client } from "../core/client.ts";
import { EncodedMessage } from "../core/encoded-message.ts";
import type { EmitEvent } from "../core/events.ts";
import type { ClientBackend } from "../core/ports.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";

/** The backend of clients that nobody listens to: what they invoke is answered with an error that says so. */
export class NoUpstream implements ClientBackend {
  readonly #emit: EmitEvent;

  constructor(emit: EmitEvent) {
    this.#emit = emit;
  }

  opened(): void {}

  received(client: Client, { type, invocationId, target = "" }: HubMessage): void {
    if (type !== HubMessageType.invocation && type !== HubMessageType.streamInvocation) return;
    const { hub, connectionId } = client.origin;
    this.#emit({ name: "client.invocation_unhandled", hub, connectionId, target });
    if (invocationId === undefined) return;
    const { protocol } = client;
    const error = `Failed to invoke '${target}': no upstream or app server handles it on hub '${hub}'.`;
    client.send(new EncodedMessage(protocol.completionError(invocationId, error), protocol.transferFormat));
  }

  closed(): void {}
}
