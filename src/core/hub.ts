import type { Client } from "./client.ts";
import type { Audience } from "./delivery.ts";
import type { Filter } from "./filter/filter.ts";
import type { Payload } from "./payload.ts";

const NOBODY_HERE: readonly Client[] = [];

/** One hub's clients on this node, by connection id, group and user. No entry outlives its last client. */
export class Hub {
  readonly name: string;
  readonly #clients = new Map<string, Client>();
  readonly #groups = new Map<string, Set<Client>>();
  readonly #users = new Map<string, Set<Client>>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): { clients: number; groups: number; users: number } {
    return { clients: this.#clients.size, groups: this.#groups.size, users: this.#users.size };
  }

  /** The groups that have clients. */
  get groups(): ReadonlyMap<string, ReadonlySet<Client>> {
    return this.#groups;
  }

  /** The users that have clients. */
  get users(): ReadonlyMap<string, ReadonlySet<Client>> {
    return this.#users;
  }

  get isEmpty(): boolean {
    return this.#clients.size === 0;
  }

  add(client: Client): void {
    this.#clients.set(client.id, client);
    if (client.userId !== undefined) addTo(this.#users, client.userId, client);
  }

  remove(client: Client): void {
    this.leaveAll(client);
    this.#clients.delete(client.id);
    if (client.userId !== undefined) removeFrom(this.#users, client.userId, client);
  }

  join(client: Client, group: string): void {
    if (!this.#clients.has(client.id)) return;
    client.groups ??= new Set();
    client.groups.add(group);
    addTo(this.#groups, group, client);
  }

  leave(client: Client, group: string): void {
    if (client.groups?.delete(group)) removeFrom(this.#groups, group, client);
  }

  leaveAll(client: Client): void {
    for (const group of client.groups ?? []) removeFrom(this.#groups, group, client);
    client.groups = undefined;
  }

  /** Sends the payload to each client of the audience once. The hot path: nothing is allocated per client. */
  deliver(audience: Audience, excluding: ReadonlySet<string>, payload: Payload): void {
    const clients = this.clientsIn(audience);
    if (excluding.size === 0) for (const client of clients) client.deliver(payload);
    else for (const client of clients) if (!excluding.has(client.id)) client.deliver(payload);
  }

  /** The clients of the audience, each once. Clients may leave the hub or a group while this is iterated. */
  clientsIn(audience: Audience): Iterable<Client> {
    switch (audience.to) {
      case "all":
        return this.#clients.values();
      case "group":
        return this.#groups.get(audience.group) ?? NOBODY_HERE;
      case "user":
        return this.#users.get(audience.userId) ?? NOBODY_HERE;
      case "connection":
        return this.#connection(audience.connectionId);
      case "userInGroup":
        return [...(this.#users.get(audience.userId) ?? NOBODY_HERE)].filter((client) =>
          client.groups?.has(audience.group),
        );
      case "groups":
        return union(audience.groups, (group) => this.#groups.get(group) ?? NOBODY_HERE);
      case "users":
        return union(audience.userIds, (userId) => this.#users.get(userId) ?? NOBODY_HERE);
      case "connections":
        return union(audience.connectionIds, (id) => this.#connection(id));
      case "matching":
        return this.#matching(audience.filter);
    }
  }

  #matching({ audience, matches }: Filter): readonly Client[] {
    const clients: Client[] = [];
    for (const client of this.clientsIn(audience)) {
      const { id: connectionId, userId, groups } = client;
      if (matches({ connectionId, userId, groups })) clients.push(client);
    }
    return clients;
  }

  #connection(id: string): readonly Client[] {
    const client = this.#clients.get(id);
    return client === undefined ? NOBODY_HERE : [client];
  }
}

function union(keys: readonly string[], clientsOf: (key: string) => Iterable<Client>): Iterable<Client> {
  const [only] = keys;
  if (only !== undefined && keys.length === 1) return clientsOf(only);
  const clients = new Set<Client>();
  for (const key of keys) for (const client of clientsOf(key)) clients.add(client);
  return clients;
}

function addTo(map: Map<string, Set<Client>>, key: string, client: Client): void {
  const clients = map.get(key);
  if (clients === undefined) map.set(key, new Set([client]));
  else clients.add(client);
}

function removeFrom(map: Map<string, Set<Client>>, key: string, client: Client): void {
  const clients = map.get(key);
  if (clients?.delete(client) && clients.size === 0) map.delete(key);
}
