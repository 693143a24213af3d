import type { HubMessage } from "../protocol/hub-protocol.ts";
import type { Client } from "./client.ts";
import type { CallOutcome, ClientCall } from "./client-call.ts";
import type { Audience, Delivery } from "./delivery.ts";
import type { EncodedMessage } from "./encoded-message.ts";
import type { ClientIdentity, TransportName } from "./identity.ts";
import type { Page, PageRequest } from "./page.ts";
import type { Payload } from "./payload.ts";

/** Why a client is being closed. `category` is one of Azure's `ConnectionCloseCategory` names, for logs and metrics. */
export interface CloseReason {
  readonly category:
    | "Normal"
    | "PingTimeout"
    | "InvokeUpstreamFailed"
    | "NoAvailableServerConnection"
    | "ServerConnectionClosed"
    | "SlowClient"
    | "HandshakeError"
    | "ClosedByAppServer"
    | "ServiceReload"
    | "ServiceTransientError"
    | "BadRequest"
    | "Unauthorized";
  /** For the logs always; for the client only where its identity allows details. */
  readonly message: string;
  /** Told to the client: whether its automatic reconnect may start. */
  readonly allowReconnect: boolean;
}

/** How bytes reach one client. One instance per attached transport, made in `transports/`. */
export interface ClientTransport {
  readonly kind: TransportName;
  /** Bytes accepted but not yet taken by the network. Above `limits.maxBufferedBytes` the client is closed. */
  readonly bufferedBytes: number;
  /**
   * Adds a whole hub message to what leaves at the end of this turn of the event loop.
   * Never throws, never blocks: a dead peer surfaces as `ClientSession.transportClosed`.
   */
  send(message: EncodedMessage): void;
  /** Lets what was sent so far leave now, in one write. */
  flush(): void;
  /** Sends what is pending, then ends the transport in its polite way. */
  close(): void;
  /** Drops the transport with all that is pending. */
  destroy(): void;
  /** Stops reading what the client sends, where that comes over the transport; posts wait for `ClientSession.resumed`. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
}

/** Who holds the conversation with a hub's clients: webhooks (serverless mode) or app servers (default mode). */
export type ClientBackend = MessageBackend | RelayBackend;

/** A backend of messages: the service answers the handshake, pings the clients and reads what they say. */
export interface MessageBackend {
  readonly takes: "messages";
  readonly allowsStatefulReconnect: true;
  /** The client's handshake succeeded and deliveries reach it. Called once, before `received` and `closed`. */
  opened(client: Client): void;
  /** One hub message of types 1 to 5, in the order the client sent them. `message.bytes` must be copied to be kept. */
  received(client: Client, message: HubMessage): void;
  /** The client has left its hub; called once for each `opened`. */
  closed(client: Client, reason: CloseReason): void;
}

/** A backend of bytes: it speaks the hub protocol with the clients itself, from the answer to their handshake on. */
export interface RelayBackend {
  readonly takes: "bytes";
  /** Whether clients may be granted stateful reconnect at the moment. */
  readonly allowsStatefulReconnect: boolean;
  /** Finds an app server for a client that is in its hub now, and tells it of the client; a text says why there is none. */
  open(opening: RelayOpening): RelayLine | { readonly refused: string };
}

/** A client that comes to an app server. */
export interface RelayOpening {
  readonly client: Client;
  readonly request: ConnectRequest;
  /** The handshake request as the client sent it, separator included. Not kept by its owner: a view. */
  readonly handshake: Buffer;
  /** Whether it was granted stateful reconnect. */
  readonly isStateful: boolean;
  /** The way back. */
  readonly relayed: RelayedClient;
}

/** The request that a client connected with; node's `IncomingMessage` is one. */
export interface ConnectRequest {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** The way from one client to its app server. */
export interface RelayLine {
  /** Whether more waits for the app server than should: the client is to be read no further until it is resumed. */
  readonly isCongested: boolean;
  /**
   * Whole hub messages of the client, in order; a view that is not kept.
   * @param type of the one hub message, where it was looked at
   */
  send(bytes: Buffer, type: number | undefined): void;
  /** The client goes on over another socket: what was unfinished comes again. */
  reattached(): void;
  /** The client was authenticated anew, and had these claims before. */
  renewed(claimsBefore: ClientIdentity["claims"]): void;
  /** The client is gone; called once. */
  closed(reason: CloseReason): void;
}

/** The way from an app server to one client. */
export interface RelayedClient {
  /**
   * Framed hub messages in order; the first is the answer to the handshake. Views may be given.
   * @param isCounted whether stateful reconnect counts the one message; `undefined` for any messages
   */
  receive(bytes: Buffer, isCounted: boolean | undefined): void;
  /** The app server has let the client go, and said so itself. */
  close(reason: CloseReason): void;
  /** Closes the client as the service wishes. */
  end(reason: CloseReason): void;
  /** Whether the client's handshake was accepted. */
  readonly isAnswered: boolean;
  /** Lets nothing more of the client through. */
  pause(): void;
  /** Lets the client through again. */
  resume(): void;
}

/**
 * Decides, each time a client connects, who holds the conversation with it: this is where the service mode lives.
 * A text instead of a backend refuses the client and tells it why.
 */
export type ChooseBackend = (hub: string) => ClientBackend | { readonly refused: string };

/**
 * Gets deliveries and questions to every client they concern, on this node and the others.
 *
 * - At most once per client and delivery, however often a client is in the audience.
 * - Deliveries and group changes of one sender that awaits each are seen in that order by every client.
 * - Every answer is about the moment of asking; a client may come or go right after.
 */
export interface Router {
  /** Resolves when local clients have it in their send buffer and other nodes were told. */
  deliver(delivery: Delivery): Promise<void>;
  /** Whether anyone is in the audience. */
  exists(hub: string, audience: Audience): Promise<boolean>;
  /** Closes all in the audience but the excluded; resolves to how many were closed. */
  close(
    hub: string,
    audience: Audience,
    excluding: ReadonlySet<string>,
    reason: CloseReason,
  ): Promise<number>;
  /** Adds all in the audience to the group; resolves to how many there were, 0 for an unknown connection. */
  addToGroup(hub: string, audience: Audience, group: string): Promise<number>;
  /** Takes all in the audience out of the group. */
  removeFromGroup(hub: string, audience: Audience, group: string): Promise<void>;
  /** Takes all in the audience out of every group they are in. */
  removeFromAllGroups(hub: string, audience: Audience): Promise<void>;
  /**
   * Does all of this to each client that is in the audience when it begins, in this order; what one action changes
   * does not change who the next is for. Nothing else happens to a client in between.
   */
  execute(hub: string, audience: Audience, actions: readonly ClientAction[]): Promise<void>;
  /** Calls a method of one client and waits for its answer; never rejects for what the client does. */
  invoke(call: ClientCall): Promise<CallOutcome>;
  /** The clients in the audience, by connection id. */
  listConnections(hub: string, audience: Audience, page: PageRequest): Promise<Page<ListedConnection>>;
  /** The users with clients, by user id. */
  listUsers(hub: string, page: PageRequest): Promise<Page<ListedUser>>;
  /** The groups with clients, by name. */
  listGroups(hub: string, page: PageRequest): Promise<Page<ListedGroup>>;
}

/** One of the things that `Router.execute` does to each client. */
export type ClientAction =
  | { readonly action: "send"; readonly payload: Payload }
  | { readonly action: "join" | "leave"; readonly group: string }
  | { readonly action: "close"; readonly reason: CloseReason };

export interface ListedConnection {
  readonly connectionId: string;
  /** `undefined` for an anonymous client. */
  readonly userId: string | undefined;
}

export interface ListedUser {
  readonly userId: string;
  readonly connections: number;
}

export interface ListedGroup {
  readonly group: string;
  readonly connections: number;
}

/** The secrets that clients were given when they negotiated. */
export interface ConnectionTokens {
  /** `undefined` for an unknown token, and for one that is no secret: the connection id of negotiate version 0. */
  authentication(token: string): Authentication | undefined;
}

/** Who a connection was authenticated as. */
export interface Authentication {
  /** Full hub name. */
  readonly hub: string;
  readonly identity: ClientIdentity;
  /** Counts from now on, for claims and expiry; the client's app server is told of other claims. */
  renew(identity: ClientIdentity): void;
}

/**
 * Which users are in which groups, beyond the life of their connections.
 *
 * - A write is durable against the end of the process when its promise resolves.
 * - Times are milliseconds since the epoch and are passed in; a membership whose `expiresAtMs` is not above `nowMs` does not exist.
 * - Hub, user and group are compared exactly.
 *
 * Every implementation must pass `testMembershipStore` in `store/membership-store.contract.ts`.
 */
export interface MembershipStore extends AsyncDisposable {
  /**
   * Adds or renews a membership. `"none"` as time to live means at most one year, and that only the 100
   * last updated memberships of that kind are kept per user (the oldest is dropped).
   */
  add(membership: Membership, ttlSeconds: number | "none", nowMs: number): Promise<void>;
  /** Forgets one membership; unknown ones are no error. */
  remove(membership: Membership): Promise<void>;
  /** Forgets all memberships of a user. */
  removeAll(hub: string, userId: string): Promise<void>;
  /** Whether the membership exists now. */
  has(membership: Membership, nowMs: number): Promise<boolean>;
  /** The groups that a connection of this user joins when it comes. */
  groupsOf(hub: string, userId: string, nowMs: number): Promise<string[]>;
  /** Deletes what has expired, a bounded number at a time; resolves to how many were deleted. */
  expire(nowMs: number): Promise<number>;
}

export interface Membership {
  readonly hub: string;
  readonly userId: string;
  readonly group: string;
}
