/*
 * The messages between the service and its app servers, docs/spec/service-protocol.md §3.5. Where two wire types differ in an
 * acknowledgement only, they are one message here, with `ackId` or without.
 */

/** A hub message that the app server has encoded and framed for each hub protocol that it speaks, by that protocol's name. */
export type ServicePayload = readonly (readonly [protocol: string, framed: Buffer])[];

/** Claims as `[type, value]`; a type may come several times. */
export type ServiceClaims = readonly (readonly [type: string, value: string])[];

/** Header names with their values. */
export type ServiceHeaders = readonly (readonly [name: string, values: readonly string[]])[];

/** What a server connection is for: `onDemand` for more of the same, `weak` sends but never gets clients. */
export const ConnectionType = { default: 0, onDemand: 1, weak: 2 } as const;

/** Whether clients may move to another app server: never, when theirs shuts down, or also when it is lost. */
export const MigrationLevel = { off: 0, shutdownOnly: 1, any: 2 } as const;

/** What a ConnectionData holds, where that is said. */
export const DataType = { unknown: 0, handshake: 1, invocation: 2, other: 3, close: 4 } as const;

/** How an acknowledged request went. */
export const AckStatus = { ok: 1, notFound: 2, timeout: 3, internalError: 4, forbidden: 5 } as const;

/** What may go with most messages. */
interface Traced {
  /** For logs: an unsigned integer of 64 bits, in decimal. */
  readonly tracingId?: string;
}

/** A message to many clients. */
interface Multicast extends Traced {
  readonly payload: ServicePayload;
  /** An expression that narrows the audience, as of the REST operation `:execute`. */
  readonly filter?: string;
}

/** A request that is answered by an `ack` with the same number. */
interface Acknowledged extends Traced {
  readonly ackId: number;
}

/** What is answered by an `ack` only where it has a number. */
interface MaybeAcknowledged extends Traced {
  readonly ackId?: number;
}

interface ClientResult extends Traced {
  readonly invocationId: string;
  readonly connectionId: string;
  /** Who asked, as said by whoever sends this. */
  readonly callerServerId: string;
}

/** From the app server to the service. */
export type AppServerMessage =
  | {
      readonly type: "handshakeRequest";
      readonly version: number;
      /** One of `ConnectionType`. */
      readonly connectionType: number;
      readonly target: string;
      /** One of `MigrationLevel`. */
      readonly migrationLevel: number;
      readonly allowStatefulReconnects: boolean;
    }
  | (Multicast & { readonly type: "multiConnectionData"; readonly connectionIds: readonly string[] })
  | (Multicast & { readonly type: "userData"; readonly userId: string })
  | (Multicast & { readonly type: "multiUserData"; readonly userIds: readonly string[] })
  | (Multicast & { readonly type: "broadcastData"; readonly excluded: readonly string[] })
  | (Multicast & {
      readonly type: "groupBroadcastData";
      readonly group: string;
      readonly excluded: readonly string[];
      readonly excludedUserIds: readonly string[];
      readonly callerUserId: string | null;
    })
  | (Multicast & { readonly type: "multiGroupBroadcastData"; readonly groups: readonly string[] })
  | (MaybeAcknowledged & {
      readonly type: "joinGroup";
      readonly connectionId: string;
      readonly group: string;
    })
  | (MaybeAcknowledged & {
      readonly type: "leaveGroup";
      readonly connectionId: string;
      /** `null`: all. */
      readonly group: string | null;
    })
  | (MaybeAcknowledged & {
      readonly type: "userJoinGroup";
      readonly userId: string;
      readonly group: string;
      /** How long it is remembered for connections to come; absent: as long as possible. */
      readonly ttlSeconds?: number;
    })
  | (MaybeAcknowledged & {
      readonly type: "userLeaveGroup";
      readonly userId: string;
      /** `null`: all. */
      readonly group: string | null;
    })
  | (Acknowledged & {
      readonly type: "checkUserInGroup";
      readonly userId: string;
      readonly group: string;
    })
  | (Acknowledged & { readonly type: "checkGroupExistence"; readonly group: string })
  | (Acknowledged & { readonly type: "checkConnectionExistence"; readonly connectionId: string })
  | (Acknowledged & { readonly type: "checkUserExistence"; readonly userId: string })
  | (Acknowledged & {
      readonly type: "closeOneConnection";
      readonly connectionId: string;
      readonly reason: string | null;
    })
  | (Acknowledged & {
      readonly type: "closeHubConnections";
      readonly reason: string | null;
      readonly excluded: readonly string[];
    })
  | (Acknowledged & {
      readonly type: "closeUserConnections";
      readonly userId: string;
      readonly reason: string | null;
      readonly excluded: readonly string[];
    })
  | (Acknowledged & {
      readonly type: "closeGroupConnections";
      readonly group: string;
      readonly reason: string | null;
      readonly excluded: readonly string[];
    })
  | { readonly type: "accessKeyRequest"; readonly token: string; readonly keyId: string | null }
  | (Acknowledged & {
      readonly type: "groupMemberQuery";
      readonly group: string;
      /** Members still wanted; `null`: all. */
      readonly max: number | null;
      readonly continuationToken: string | null;
      /** Members at most in one answer; `null`: as the service likes. */
      readonly maxPageSize: number | null;
    })
  | (Acknowledged & {
      readonly type: "refreshAuth";
      readonly connectionToken: string;
      /** Empty: as they were. */
      readonly claims: ServiceClaims;
      /** Milliseconds since the epoch. */
      readonly expiresAtMs: number;
    })
  | (Acknowledged & { readonly type: "getConnectionClaims"; readonly connectionToken: string });

/** From the service to the app server. */
export type HubwireMessage =
  | {
      readonly type: "handshakeResponse";
      /** `""`: accepted. */
      readonly error: string;
      readonly connectionId: string | null;
    }
  | (Traced & {
      readonly type: "openConnection";
      readonly connectionId: string;
      readonly claims: ServiceClaims;
      readonly headers: ServiceHeaders;
      /** `""`, or with a leading `?`. */
      readonly query: string;
      /** The client's hub protocol. */
      readonly protocol?: string;
    })
  | { readonly type: "serviceError"; readonly message: string }
  | {
      readonly type: "ack";
      readonly ackId: number;
      /** One of `AckStatus`. */
      readonly status: number;
      readonly message: string;
      /** One MessagePack element, the answer to a query. */
      readonly payload?: Buffer;
    }
  | {
      readonly type: "serviceEvent";
      readonly objectType: number;
      readonly id: string;
      readonly kind: number;
      readonly message: string;
    }
  | {
      readonly type: "accessKeyResponse";
      readonly keyId: string | null;
      readonly accessKey: string | null;
      readonly errorType: string | null;
      readonly errorMessage: string | null;
    }
  | {
      readonly type: "serviceMapping";
      readonly invocationId: string;
      readonly connectionId: string;
      readonly instanceId: string;
    }
  | { readonly type: "connectionReconnect"; readonly connectionId: string }
  | {
      readonly type: "updateConnectionClaims";
      readonly connectionId: string;
      readonly claims: ServiceClaims;
    };

/** In both directions. */
export type SharedMessage =
  | { readonly type: "ping"; readonly pairs: readonly (readonly [key: string, value: string])[] }
  | (Traced & {
      readonly type: "closeConnection";
      readonly connectionId: string;
      readonly error: string;
      readonly headers: ServiceHeaders;
    })
  | (Traced & {
      readonly type: "connectionData";
      readonly connectionId: string;
      readonly payload: Buffer;
      /** One of `DataType`; absent: `unknown`. */
      readonly dataType?: number;
      /** More of the same hub message follows. */
      readonly isPartial?: boolean;
    })
  | (ClientResult & { readonly type: "clientInvocation"; readonly payload: ServicePayload })
  | (ClientResult & {
      readonly type: "clientCompletion";
      readonly protocol: string;
      /** The framed Completion; empty where the router only tells that the result has come. */
      readonly payload: Buffer;
    })
  | (ClientResult & { readonly type: "errorCompletion"; readonly error: string })
  | {
      readonly type: "connectionFlowControl";
      readonly connectionId: string;
      /** 1 client, 2 server. */
      readonly connectionType: number;
      /** 1 pause, 2 pause acknowledged, 3 resume, 4 offline. */
      readonly operation: number;
    };

/** Any message of the service protocol that this version knows. */
export type ServiceMessage = AppServerMessage | HubwireMessage | SharedMessage;
