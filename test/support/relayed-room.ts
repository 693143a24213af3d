import type { ServicePayload } from "../../src/protocol/service-message.ts";
import { AppServerPeer } from "./app-server-peer.ts";
import { frameOf, type HubWire, jsonWire, messagePackWire } from "./hub-wire.ts";
import { type RelayedClient, relayedClient } from "./relayed-client.ts";
import { TestHubwire } from "./start-hubwire.ts";

/** A message to clients as app servers send it: framed for each protocol. */
export function payloadOf(target: string, args: readonly unknown[]): ServicePayload {
  return [jsonWire, messagePackWire].map((wire) => [
    wire.protocol,
    Buffer.from(wire.invocation(target, args)),
  ]);
}

export type Person = "ann" | "annToo" | "bob" | "nobody";

const people: Readonly<Record<Person, { readonly userId?: string; readonly wire: HubWire }>> = {
  ann: { userId: "ann", wire: jsonWire },
  annToo: { userId: "ann", wire: messagePackWire },
  bob: { userId: "bob", wire: messagePackWire },
  nobody: { wire: jsonWire },
};

/** Four clients of one app server, and a second connection of it that has no clients and may ask for everything. */
export class RelayedRoom implements AsyncDisposable {
  readonly hubwire: TestHubwire;
  readonly server: AppServerPeer;
  /** Sends and asks. */
  readonly asker: AppServerPeer;
  readonly #members: ReadonlyMap<Person, { readonly client: RelayedClient; readonly wire: HubWire }>;
  #fences = 0;
  #acks = 0;

  private constructor(
    hubwire: TestHubwire,
    [server, asker]: readonly [AppServerPeer, AppServerPeer],
    members: ReadonlyMap<Person, { readonly client: RelayedClient; readonly wire: HubWire }>,
  ) {
    this.hubwire = hubwire;
    this.server = server;
    this.asker = asker;
    this.#members = members;
  }

  static async open(options?: Parameters<typeof TestHubwire.start>[0]): Promise<RelayedRoom> {
    const hubwire = await TestHubwire.start(options);
    const server = await AppServerPeer.connect(hubwire);
    const members = new Map<Person, { client: RelayedClient; wire: HubWire }>();
    for (const name of Object.keys(people) as Person[]) {
      const client = await relayedClient(hubwire, server, people[name]);
      members.set(name, { client, wire: people[name].wire });
    }
    const asker = await AppServerPeer.connect(hubwire, { type: 2 });
    return new RelayedRoom(hubwire, [server, asker], members);
  }

  client(name: Person): RelayedClient {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`${name} is not here`);
    return member.client;
  }

  id(name: Person): string {
    return this.client(name).id;
  }

  /** The frames that each was sent since the last time; whoever heard nothing is left out. */
  async news(): Promise<Partial<Record<Person, readonly string[]>>> {
    const args = [++this.#fences];
    this.asker.send({ type: "broadcastData", excluded: [], payload: payloadOf("fence", args) });
    const news: Partial<Record<Person, readonly string[]>> = {};
    for (const [name, { client, wire }] of this.#members) {
      const fence = frameOf(wire.invocation("fence", args));
      const frames: string[] = [];
      for (;;) {
        const frame = await client.next();
        if (frame === undefined || frame === fence) break;
        frames.push(frame);
        if (frame.startsWith("close")) break;
      }
      if (frames.length > 0) news[name] = frames;
    }
    return news;
  }

  /** Whom this message reaches, as often as it does; it must be `payloadOf("say", [])`. */
  async hearers(
    message: Parameters<AppServerPeer["send"]>[0],
    from: AppServerPeer = this.asker,
  ): Promise<Person[]> {
    from.send(message);
    await from.settled();
    const hearers: Person[] = [];
    for (const [name, frames] of Object.entries(await this.news()) as [Person, readonly string[]][]) {
      const said = frameOf((this.#members.get(name)?.wire ?? jsonWire).invocation("say", []));
      for (const frame of frames) {
        if (frame !== said) throw new Error(`${name} heard ${frame}`);
        hearers.push(name);
      }
    }
    return hearers;
  }

  /** Who is in a group. */
  membersOf(group: string): Promise<Person[]> {
    return this.hearers({
      type: "groupBroadcastData",
      group,
      excluded: [],
      excludedUserIds: [],
      callerUserId: null,
      payload: payloadOf("say", []),
    });
  }

  /** Asks, and resolves to the status of the acknowledgement, which must be all that comes. */
  async status(
    question: (ackId: number) => Parameters<AppServerPeer["send"]>[0],
    from: AppServerPeer = this.asker,
  ): Promise<number> {
    const ackId = ++this.#acks;
    from.send(question(ackId));
    const [ack, ...others] = await from.heard();
    if (ack?.type !== "ack" || ack.ackId !== ackId || others.length > 0)
      throw new Error(`answered with ${JSON.stringify([ack, ...others])}`);
    return ack.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#members.values()) client.drop();
    this.server.kill();
    this.asker.kill();
    await this.hubwire[Symbol.asyncDispose]();
  }
}
