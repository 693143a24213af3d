import type { HubConnection } from "@microsoft/signalr";
import { closed, type SignalRClientOptions, signalrClient } from "./signalr-client.ts";
import type { TestHubwire } from "./start-hubwire.ts";

const VERSION = "api-version=2022-06-01";

/**
 * Real clients in roles, and what happens to each. Nothing is waited for by time: after an operation every client is
 * sent a last message, and what it heard until then is all that it was sent.
 */
export class Room<Role extends string> implements AsyncDisposable {
  readonly #hubwire: TestHubwire;
  readonly #members: ReadonlyMap<Role, Member>;
  #fences = 0;
  #names = 0;

  private constructor(hubwire: TestHubwire, members: ReadonlyMap<Role, Member>) {
    this.#hubwire = hubwire;
    this.#members = members;
  }

  /** Connects one client per role. Clients learn why they are closed. */
  static async open<Role extends string>(
    hubwire: TestHubwire,
    roles: Readonly<Record<Role, SignalRClientOptions>>,
  ): Promise<Room<Role>> {
    const members = new Map<Role, Member>();
    for (const role of Object.keys(roles) as Role[]) members.set(role, new Member(hubwire, roles[role]));
    const room = new Room(hubwire, members);
    await room.fill();
    return room;
  }

  /** Connects again whoever is not connected. */
  async fill(): Promise<void> {
    for (const member of this.#members.values()) await member.start();
  }

  /** Lets a client leave. */
  async leave(role: Role): Promise<void> {
    const { connectionId } = this.#member(role);
    await this.#member(role).stop();
    await this.#hubwire.event("client.closed", (event) => event.connectionId === connectionId);
  }

  /** The connection id of a role's client. */
  id(role: Role): string {
    return this.#member(role).connectionId;
  }

  /** A name that nothing has been called before: a group's. */
  freshName(): string {
    return `name-${++this.#names}`;
  }

  /** Calls the REST API as 2022-06-01; the path is below the hub `chat`. */
  async rest(method: string, path: string): Promise<void> {
    const response = await this.#hubwire.rest(method, `/api/hubs/chat/${path}?${VERSION}`);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  /** What each client was sent or closed with since the last time, in order; clients without news are left out. */
  async news(): Promise<Partial<Record<Role, readonly string[]>>> {
    const fence = ++this.#fences;
    const hubs = new Set([...this.#members.values()].map(({ hub }) => hub));
    for (const hub of hubs) await this.#hubwire.send("", "fence", [fence], hub);
    const news: Partial<Record<Role, readonly string[]>> = {};
    for (const [role, member] of this.#members) {
      const heard = await member.heardUntil(fence);
      if (heard.length > 0) news[role] = heard;
    }
    return news;
  }

  /** Who is in a group of the hub `chat`: who hears what is sent to it. */
  async membersOf(group: string): Promise<Role[]> {
    await this.news();
    await this.#hubwire.send(`groups/${encodeURIComponent(group)}/`, "hear", []);
    return Object.keys(await this.news()) as Role[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members.values()) await member.stop();
  }

  #member(role: Role): Member {
    const member = this.#members.get(role);
    if (member === undefined) throw new Error(`nobody is ${role}`);
    return member;
  }
}

/** One client, connected or not. */
class Member {
  readonly hub: string;
  readonly #client: HubConnection;
  #heard: string[] = [];
  #fence = 0;
  #isOpen = false;
  /** Looks whether what is waited for has come. */
  #changed: () => void = () => {};

  constructor(hubwire: TestHubwire, options: SignalRClientOptions) {
    const { hub = "chat", claims } = options;
    this.hub = hub;
    this.#client = signalrClient(hubwire, { ...options, claims: { "asrs.s.derror": "True", ...claims } });
    this.#client.on("fence", (fence: number) => {
      this.#fence = fence;
      this.#changed();
    });
    for (const method of ["hear", "say"])
      this.#client.on(method, (...args: unknown[]) => this.#heard.push(`${method} ${JSON.stringify(args)}`));
    this.#client.onclose((error) => {
      this.#isOpen = false;
      this.#heard.push(`closed${error === undefined ? "" : `: ${error.message}`}`);
      this.#changed();
    });
  }

  get connectionId(): string {
    return this.#client.connectionId ?? "";
  }

  async start(): Promise<void> {
    if (this.#isOpen) return;
    await this.#client.start();
    this.#isOpen = true;
  }

  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    const end = closed(this.#client);
    await this.#client.stop();
    await end;
    this.#heard = [];
  }

  async heardUntil(fence: number): Promise<string[]> {
    while (this.#isOpen && this.#fence < fence)
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    return this.#heard.splice(0);
  }
}
