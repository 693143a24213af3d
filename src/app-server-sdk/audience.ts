import type { ServiceMessage, ServicePayload } from "../protocol/service-message.ts";
import { unobserved } from "./errors.ts";

/** Whom a message is for. */
export type Recipients =
  | { readonly to: "all"; readonly except: readonly string[] }
  | { readonly to: "clients"; readonly connectionIds: readonly string[] }
  | { readonly to: "group"; readonly group: string; readonly except: readonly string[] }
  | { readonly to: "groups"; readonly groups: readonly string[] }
  | { readonly to: "user"; readonly userId: string }
  | { readonly to: "users"; readonly userIds: readonly string[] };

/** Clients that are sent to together. */
export interface Audience {
  /**
   * Has them invoke a method. Resolves when the message is on its way and the way is not congested: await it before you send more.
   * What is wrong with it matters only to those who wait.
   * @throws {NotConnectedError}, and what the arguments throw while they are written
   */
  send(target: string, ...args: readonly unknown[]): Promise<void>;
}

/** One client, by its connection. */
export interface OneClient extends Audience {
  /**
   * Has it invoke a method, and resolves to the method's result.
   * @throws {HubError} with the client's own error, or why there is no result: it is not connected, has gone, or did not answer in time
   * @throws {NotConnectedError}
   */
  invoke<Result = unknown>(target: string, ...args: readonly unknown[]): Promise<Result>;
}

/** Everyone who can be sent to: clients of all app servers of the hub. */
export interface Clients {
  readonly all: Audience;
  allExcept(connectionIds: readonly string[]): Audience;
  client(connectionId: string): OneClient;
  clients(connectionIds: readonly string[]): Audience;
  group(name: string): Audience;
  groupExcept(name: string, connectionIds: readonly string[]): Audience;
  groups(names: readonly string[]): Audience;
  user(userId: string): Audience;
  users(userIds: readonly string[]): Audience;
}

/** As `Clients`, seen from one of them. */
export interface CallerClients extends Clients {
  readonly caller: OneClient;
  readonly others: Audience;
  othersInGroup(name: string): Audience;
}

/** What carries messages to clients. */
export interface ClientPost {
  send(recipients: Recipients, target: string, args: readonly unknown[]): Promise<void>;
  invoke(connectionId: string, target: string, args: readonly unknown[]): Promise<unknown>;
}

export function clientsBy(post: ClientPost): Clients {
  const audience = (recipients: Recipients): Audience => ({
    send: (target, ...args) => unobserved(post.send(recipients, target, args)),
  });
  return {
    all: audience({ to: "all", except: [] }),
    allExcept: (except) => audience({ to: "all", except }),
    client: (connectionId) => ({
      ...audience({ to: "clients", connectionIds: [connectionId] }),
      // What the client answers is of the type that the caller knows it to be.
      invoke: <Result>(target: string, ...args: readonly unknown[]) =>
        unobserved(post.invoke(connectionId, target, args) as Promise<Result>),
    }),
    clients: (connectionIds) => audience({ to: "clients", connectionIds }),
    group: (group) => audience({ to: "group", group, except: [] }),
    groupExcept: (group, except) => audience({ to: "group", group, except }),
    groups: (groups) => audience({ to: "groups", groups }),
    user: (userId) => audience({ to: "user", userId }),
    users: (userIds) => audience({ to: "users", userIds }),
  };
}

export function clientsOf(clients: Clients, connectionId: string): CallerClients {
  return {
    ...clients,
    caller: clients.client(connectionId),
    others: clients.allExcept([connectionId]),
    othersInGroup: (name) => clients.groupExcept(name, [connectionId]),
  };
}

/** The message to the service; `undefined` where there is nobody. @throws {TypeError} for ids and names that are not texts */
export function multicast(recipients: Recipients, payload: ServicePayload): ServiceMessage | undefined {
  switch (recipients.to) {
    case "all":
      return { type: "broadcastData", excluded: texts(recipients.except), payload };
    case "clients": {
      const connectionIds = texts(recipients.connectionIds);
      return connectionIds.length === 0 ? undefined : { type: "multiConnectionData", connectionIds, payload };
    }
    case "group":
      return {
        type: "groupBroadcastData",
        group: text(recipients.group),
        excluded: texts(recipients.except),
        excludedUserIds: [],
        callerUserId: null,
        payload,
      };
    case "groups": {
      const groups = texts(recipients.groups);
      return groups.length === 0 ? undefined : { type: "multiGroupBroadcastData", groups, payload };
    }
    case "user":
      return { type: "userData", userId: text(recipients.userId), payload };
    case "users": {
      const userIds = texts(recipients.userIds);
      return userIds.length === 0 ? undefined : { type: "multiUserData", userIds, payload };
    }
  }
}

/** Checks an id or a name before it is written. @throws {TypeError} */
export function text(value: string): string {
  if (typeof value !== "string" || value === "")
    throw new TypeError("An id or a name must be a text that is not empty.");
  return value;
}

function texts(values: readonly string[]): readonly string[] {
  return values.map(text);
}
