import type { Client } from "./client.ts";
import type { Audience, Delivery } from "./delivery.ts";
import { Hub } from "./hub.ts";
import type { CloseReason, Router } from "./ports.ts";

/** The router of one node: its hubs, made when their first client comes and dropped when the last one leaves. */
export class LocalRouter implements Router {
  readonly #hubs = new Map<string, Hub>();

  /** Hubs, and the clients, groups and users in all of them. */
  get size(): { hubs: number; clients: number; groups: number; users: number } {
    const size = { hubs: this.#hubs.size, clients: 0, groups: 0, users: 0 };
    for (const hub of this.#hubs.values()) {
      size.clients += hub.size.clients;
      size.groups += hub.size.groups;
      size.users += hub.size.users;
    }
    return size;
  }

  /** From now on deliveries reach the client. */
  register(client: Client, groups: readonly string[]): void {
    const name = client.origin.hub;
    let hub = this.#hubs.get(name);
    if (hub === undefined) {
      hub = new Hub(name);
      this.#hubs.set(name, hub);
    }
    hub.add(client);
    for (const group of groups) hub.join(client, group);
  }

  /** From now on nothing of the client is left here. */
  unregister(client: Client): void {
    const hub = this.#hubs.get(client.origin.hub);
    if (hub === undefined) return;
    hub.remove(client);
    if (hub.isEmpty) this.#hubs.delete(hub.name);
  }

  async deliver({ hub, audience, excluding, payload }: Delivery): Promise<void> {
    this.#hubs.get(hub)?.deliver(audience, excluding, payload);
  }

  async exists(hub: string, audience: Audience): Promise<boolean> {
    for (const _ of this.#clientsIn(hub, audience)) return true;
    return false;
  }

  async close(
    hub: string,
    audience: Audience,
    excluding: ReadonlySet<string>,
    reason: CloseReason,
  ): Promise<number> {
    let count = 0;
    for (const client of this.#clientsIn(hub, audience)) {
      if (excluding.has(client.id)) continue;
      client.close(reason);
      count++;
    }
    return count;
  }

  async addToGroup(hub: string, audience: Audience, group: string): Promise<number> {
    let count = 0;
    for (const client of this.#clientsIn(hub, audience)) {
      this.#hubs.get(hub)?.join(client, group);
      count++;
    }
    return count;
  }

  async removeFromGroup(hub: string, audience: Audience, group: string): Promise<void> {
    for (const client of this.#clientsIn(hub, audience)) this.#hubs.get(hub)?.leave(client, group);
  }

  async removeFromAllGroups(hub: string, audience: Audience): Promise<void> {
    for (const client of this.#clientsIn(hub, audience)) this.#hubs.get(hub)?.leaveAll(client);
  }

  #clientsIn(hub: string, audience: Audience): Iterable<Client> {
    return this.#hubs.get(hub)?.clientsIn(audience) ?? [];
  }
}
