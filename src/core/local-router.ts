import type { HubMessage } from "../protocol/hub-protocol.ts";
import type { Client } from "./client.ts";
import type { CallOutcome, ClientCall } from "./client-call.ts";
import type { ClientInvocations } from "./client-invocations.ts";
import type { Audience, Delivery } from "./delivery.ts";
import { Hub } from "./hub.ts";
import { type Page, type PageRequest, pageOf } from "./page.ts";
import type {
  ClientAction,
  CloseReason,
  ListedConnection,
  ListedGroup,
  ListedUser,
  Router,
} from "./ports.ts";

/** The router of one node: its hubs, made when their first client comes and dropped when the last one leaves. */
export class LocalRouter implements Router {
  readonly #hubs = new Map<string, Hub>();
  readonly #invocations: ClientInvocations;

  constructor(invocations: ClientInvocations) {
    this.#invocations = invocations;
  }

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

  /** Clients of a hub, or of all. */
  clientsOf(hub?: string): number {
    return hub === undefined ? this.size.clients : (this.#hubs.get(hub)?.size.clients ?? 0);
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
    this.#invocations.left(client);
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

  async execute(hub: string, audience: Audience, actions: readonly ClientAction[]): Promise<void> {
    const clients = [...this.#clientsIn(hub, audience)];
    for (const action of actions) for (const client of clients) this.#act(client, action);
  }

  async invoke({ hub, connectionId, method, signal }: ClientCall): Promise<CallOutcome> {
    for (const client of this.#clientsIn(hub, { to: "connection", connectionId }))
      return this.#invocations.invoke(client, method, signal);
    return { outcome: "notConnected" };
  }

  /** Whether a client has been asked something that it has not answered. */
  awaitsAnswer(client: Client): boolean {
    return this.#invocations.awaits(client);
  }

  /** Takes a message of a client that answers an `invoke`; any other is left to the client's backend. */
  takeAnswer(client: Client, message: HubMessage): boolean {
    return this.#invocations.take(client, message);
  }

  async listConnections(
    hub: string,
    audience: Audience,
    request: PageRequest,
  ): Promise<Page<ListedConnection>> {
    const { items, ...page } = pageOf(this.#clientsIn(hub, audience), ({ id }) => id, request);
    return { ...page, items: items.map(({ id: connectionId, userId }) => ({ connectionId, userId })) };
  }

  async listUsers(hub: string, request: PageRequest): Promise<Page<ListedUser>> {
    const { items, ...page } = pageOf(this.#hubs.get(hub)?.users ?? [], ([userId]) => userId, request);
    return { ...page, items: items.map(([userId, { size }]) => ({ userId, connections: size })) };
  }

  async listGroups(hub: string, request: PageRequest): Promise<Page<ListedGroup>> {
    const { items, ...page } = pageOf(this.#hubs.get(hub)?.groups ?? [], ([group]) => group, request);
    return { ...page, items: items.map(([group, { size }]) => ({ group, connections: size })) };
  }

  #act(client: Client, action: ClientAction): void {
    const hub = this.#hubs.get(client.origin.hub);
    switch (action.action) {
      case "send":
        return client.deliver(action.payload);
      case "join":
        return hub?.join(client, action.group);
      case "leave":
        return hub?.leave(client, action.group);
      case "close":
        return client.close(action.reason);
    }
  }

  #clientsIn(hub: string, audience: Audience): Iterable<Client> {
    return this.#hubs.get(hub)?.clientsIn(audience) ?? [];
  }
}
