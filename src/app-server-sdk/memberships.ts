import { decode } from "@msgpack/msgpack";
import { text } from "./audience.ts";
import { unobserved } from "./errors.ts";
import type { Question, Sender } from "./sender.ts";

/** Who is in which group. */
export interface Groups {
  /** Resolves, once the client is in the group, to whether there is such a client. */
  add(connectionId: string, group: string): Promise<boolean>;
  /** Resolves once it is not in the group. */
  remove(connectionId: string, group: string): Promise<void>;
  /** Takes it out of all groups. */
  removeFromAll(connectionId: string): Promise<void>;
}

/** Users with all their clients, also those to come. */
export interface UserGroups {
  /** @param options how long it counts for clients to come; as long as the service remembers where it is left out */
  add(userId: string, group: string, options?: { readonly ttlSeconds?: number }): Promise<void>;
  remove(userId: string, group: string): Promise<void>;
  removeFromAll(userId: string): Promise<void>;
  has(userId: string, group: string): Promise<boolean>;
}

/** Whether the hub has anyone. */
export interface Existence {
  connection(connectionId: string): Promise<boolean>;
  user(userId: string): Promise<boolean>;
  group(group: string): Promise<boolean>;
}

/** What closing many leaves out. */
export interface CloseOptions {
  /** For clients whose tokens allow details. */
  readonly reason?: string;
  readonly except?: readonly string[];
}

/** Closes clients, of whichever app server. */
export interface Closing {
  /** Resolves to whether there was such a client. */
  connection(connectionId: string, reason?: string): Promise<boolean>;
  user(userId: string, options?: CloseOptions): Promise<void>;
  group(group: string, options?: CloseOptions): Promise<void>;
  all(options?: CloseOptions): Promise<void>;
}

/** A client in a group. */
export interface Member {
  readonly connectionId: string;
  readonly userId: string | undefined;
}

type Ask = Pick<Sender, "ask">;

const PAGE_SIZE = 200;

export function groupsBy(sender: Ask): Groups {
  return {
    add: (connectionId, group) =>
      found(sender, { type: "joinGroup", connectionId: text(connectionId), group: text(group) }),
    remove: (connectionId, group) =>
      done(sender, { type: "leaveGroup", connectionId: text(connectionId), group: text(group) }),
    removeFromAll: (connectionId) =>
      done(sender, { type: "leaveGroup", connectionId: text(connectionId), group: null }),
  };
}

export function userGroupsBy(sender: Ask): UserGroups {
  return {
    add: (userId, group, { ttlSeconds } = {}) => {
      const ttl = ttlSeconds === undefined ? {} : { ttlSeconds: Math.floor(ttlSeconds) };
      return done(sender, { type: "userJoinGroup", userId: text(userId), group: text(group), ...ttl });
    },
    remove: (userId, group) =>
      done(sender, { type: "userLeaveGroup", userId: text(userId), group: text(group) }),
    removeFromAll: (userId) => done(sender, { type: "userLeaveGroup", userId: text(userId), group: null }),
    has: (userId, group) =>
      found(sender, { type: "checkUserInGroup", userId: text(userId), group: text(group) }),
  };
}

export function existenceBy(sender: Ask): Existence {
  return {
    connection: (connectionId) =>
      found(sender, { type: "checkConnectionExistence", connectionId: text(connectionId) }),
    user: (userId) => found(sender, { type: "checkUserExistence", userId: text(userId) }),
    group: (group) => found(sender, { type: "checkGroupExistence", group: text(group) }),
  };
}

export function closingBy(sender: Ask): Closing {
  const chosen = ({ reason, except = [] }: CloseOptions) => ({
    reason: reason ?? null,
    excluded: except.map(text),
  });
  return {
    connection: (connectionId, reason) =>
      found(sender, {
        type: "closeOneConnection",
        connectionId: text(connectionId),
        reason: reason ?? null,
      }),
    user: (userId, options = {}) =>
      done(sender, { type: "closeUserConnections", userId: text(userId), ...chosen(options) }),
    group: (group, options = {}) =>
      done(sender, { type: "closeGroupConnections", group: text(group), ...chosen(options) }),
    all: (options = {}) => done(sender, { type: "closeHubConnections", ...chosen(options) }),
  };
}

/** The clients in a group, asked for page by page. */
export async function* membersBy(sender: Ask, group: string): AsyncGenerator<Member, void> {
  text(group);
  let continuationToken: string | null = null;
  do {
    const page = { max: null, maxPageSize: PAGE_SIZE, continuationToken };
    const question: Question = { type: "groupMemberQuery", group, ...page };
    const { payload } = await sender.ask(question);
    if (payload === undefined) return; // no such group
    const [members, next] = decode(payload) as [[string, string | null][], string | null];
    for (const [connectionId, userId] of members) yield { connectionId, userId: userId ?? undefined };
    continuationToken = next;
  } while (continuationToken);
}

function found(sender: Ask, question: Question): Promise<boolean> {
  return unobserved(sender.ask(question).then((answer) => answer.found));
}

function done(sender: Ask, question: Question): Promise<void> {
  return unobserved(sender.ask(question).then(() => {}));
}
