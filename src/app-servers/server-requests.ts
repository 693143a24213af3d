import { refreshedIdentity } from "../auth/client-identity.ts";
import { inboundClaims } from "../auth/inbound-claims.ts";
import type { IssuedKeys } from "../auth/issued-keys.ts";
import type { OidcVerifier } from "../auth/oidc-verifier.ts";
import { closedByCaller } from "../core/close-reasons.ts";
import { type Audience, NOBODY } from "../core/delivery.ts";
import { compileFilter } from "../core/filter/filter.ts";
import { FilterError } from "../core/filter/filter-error.ts";
import { Payload } from "../core/payload.ts";
import type { Authentication, ConnectionTokens, Router } from "../core/ports.ts";
import type { UserGroups } from "../core/user-groups.ts";
import {
  AckStatus,
  type ServiceClaims,
  type ServiceMessage,
  type ServicePayload,
} from "../protocol/service-message.ts";
import { ServiceMessageWriter } from "../protocol/service-message-writer.ts";
import { groupMembers } from "./group-members.ts";
import { encodedPayload, narrowed, withoutUsers } from "./multicast.ts";
import type { ServerConnection } from "./server-connection.ts";

/** What requests of app servers need of the rest of the node. */
export interface ServerRequestsOptions {
  readonly router: Router;
  readonly userGroups: UserGroups;
  readonly connectionTokens: ConnectionTokens;
  readonly issuedKeys: IssuedKeys;
  readonly issuers: OidcVerifier;
  /** Something of the service did not work, which the app server is told by the acknowledgement. */
  readonly failed: (connection: ServerConnection, error: unknown) => void;
  /** A message was dropped, and why. */
  readonly dropped: (connection: ServerConnection, reason: string) => void;
}

type MessageOf<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { readonly type: Type }>;
/** How a request went: a status, or what is found. */
type Answer = number | { readonly payload: Buffer };

/** What an app server may send. */
interface Multicast {
  readonly audience: Audience;
  readonly excluded?: readonly string[];
  readonly payload: ServicePayload;
  readonly filter?: string | undefined;
}

/** Does what app servers ask for besides their clients' own traffic: messages to many, groups, questions, closes. */
export class ServerRequests {
  readonly #options: ServerRequestsOptions;

  constructor(options: ServerRequestsOptions) {
    this.#options = options;
  }

  /**
   * Does what the message asks for, and acknowledges it where that is wished; docs/spec/service-protocol.md §3.7.
   * @returns when it is done, never rejected; `undefined` for a message that is none of these
   */
  take(from: ServerConnection, message: ServiceMessage): Promise<void> | undefined {
    return (
      this.#takeMulticast(from, message) ??
      this.#takeGroupChange(from, message) ??
      this.#takeQuestion(from, message)
    );
  }

  #takeMulticast(from: ServerConnection, message: ServiceMessage): Promise<void> | undefined {
    switch (message.type) {
      case "multiConnectionData":
        return this.#send(from, {
          ...message,
          audience: { to: "connections", connectionIds: message.connectionIds },
        });
      case "userData":
        return this.#send(from, { ...message, audience: { to: "user", userId: message.userId } });
      case "multiUserData":
        return this.#send(from, { ...message, audience: { to: "users", userIds: message.userIds } });
      case "broadcastData":
        return this.#send(from, { ...message, audience: { to: "all" } });
      case "groupBroadcastData": {
        const audience: Audience = { to: "group", group: message.group };
        return this.#send(from, { ...message, audience: withoutUsers(audience, message.excludedUserIds) });
      }
      case "multiGroupBroadcastData":
        return this.#sendToEachGroup(from, message);
      default:
        return undefined;
    }
  }

  #takeGroupChange(from: ServerConnection, message: ServiceMessage): Promise<void> | undefined {
    const { router, userGroups } = this.#options;
    const { hub } = from;
    switch (message.type) {
      case "joinGroup":
        return this.#answer(from, message.ackId, async () => {
          const { connectionId, group } = message;
          return found((await router.addToGroup(hub, { to: "connection", connectionId }, group)) > 0);
        });
      case "leaveGroup":
        return this.#answer(from, message.ackId, () => this.#leave(hub, message));
      case "userJoinGroup":
        return this.#answer(from, message.ackId, async () => {
          const { userId, group, ttlSeconds } = message;
          await userGroups.add({ hub, userId, group }, ttlSeconds ?? "none");
          return AckStatus.ok;
        });
      case "userLeaveGroup":
        return this.#answer(from, message.ackId, async () => {
          const { userId, group } = message;
          if (group === null) await userGroups.removeAll(hub, userId);
          else await userGroups.remove({ hub, userId, group });
          return AckStatus.ok;
        });
      default:
        return undefined;
    }
  }

  #takeQuestion(from: ServerConnection, message: ServiceMessage): Promise<void> | undefined {
    const { hub } = from;
    const { userGroups, router } = this.#options;
    switch (message.type) {
      case "checkUserInGroup":
        return this.#answer(from, message.ackId, async () => {
          const { userId, group } = message;
          return found(await userGroups.has({ hub, userId, group }));
        });
      case "checkGroupExistence":
        return this.#exists(from, message.ackId, { to: "group", group: message.group });
      case "checkUserExistence":
        return this.#exists(from, message.ackId, { to: "user", userId: message.userId });
      case "checkConnectionExistence":
        return this.#exists(from, message.ackId, { to: "connection", connectionId: message.connectionId });
      case "closeOneConnection":
        return this.#answer(from, message.ackId, async () => {
          const audience: Audience = { to: "connection", connectionId: message.connectionId };
          return found(
            (await router.close(hub, audience, NOBODY, closedByCaller(message.reason ?? undefined))) > 0,
          );
        });
      case "closeHubConnections":
        return this.#close(from, { ...message, audience: { to: "all" } });
      case "closeUserConnections":
        return this.#close(from, { ...message, audience: { to: "user", userId: message.userId } });
      case "closeGroupConnections":
        return this.#close(from, { ...message, audience: { to: "group", group: message.group } });
      case "groupMemberQuery":
        return this.#answer(from, message.ackId, async () => ({
          payload: await groupMembers(router, hub, message),
        }));
      case "accessKeyRequest":
        return this.#giveKey(from, message.token);
      case "refreshAuth":
        return this.#answer(from, message.ackId, async () => this.#refresh(hub, message));
      case "getConnectionClaims":
        return this.#answer(from, message.ackId, async () => {
          const claims = this.#authenticationOf(hub, message.connectionToken)?.identity.claims;
          return claims === undefined
            ? AckStatus.notFound
            : { payload: claimsPayload(inboundClaims(claims)) };
        });
      default:
        return undefined;
    }
  }

  async #send(from: ServerConnection, { audience, excluded, payload, filter }: Multicast): Promise<void> {
    const broken = (protocol: string): void =>
      this.#options.dropped(from, `A message is not framed as hub protocol '${protocol}' has it.`);
    try {
      await this.#options.router.deliver({
        hub: from.hub,
        audience: filter === undefined ? audience : filtered(audience, filter),
        excluding: excluded === undefined || excluded.length === 0 ? NOBODY : new Set(excluded),
        payload: Payload.encoded(encodedPayload(payload, broken)),
      });
    } catch (error) {
      if (error instanceof FilterError) this.#options.dropped(from, error.message);
      else this.#options.failed(from, error);
    }
  }

  /** A client in two of the groups gets it twice, as from ASP.NET Core. */
  async #sendToEachGroup(
    from: ServerConnection,
    message: MessageOf<"multiGroupBroadcastData">,
  ): Promise<void> {
    for (const group of message.groups)
      await this.#send(from, { ...message, audience: { to: "group", group } });
  }

  async #leave(hub: string, { connectionId, group }: MessageOf<"leaveGroup">): Promise<Answer> {
    const { router } = this.#options;
    if (group === null) await router.removeFromAllGroups(hub, { to: "connection", connectionId });
    else await router.removeFromGroup(hub, { to: "connection", connectionId }, group);
    return AckStatus.ok;
  }

  #exists(from: ServerConnection, ackId: number, audience: Audience): Promise<void> {
    return this.#answer(from, ackId, async () =>
      found(await this.#options.router.exists(from.hub, audience)),
    );
  }

  #close(
    from: ServerConnection,
    {
      ackId,
      audience,
      reason,
      excluded,
    }: { ackId: number; audience: Audience; reason: string | null; excluded: readonly string[] },
  ): Promise<void> {
    return this.#answer(from, ackId, async () => {
      const why = closedByCaller(reason ?? undefined);
      await this.#options.router.close(from.hub, audience, new Set(excluded), why);
      return AckStatus.ok;
    });
  }

  #refresh(hub: string, { connectionToken, claims, expiresAtMs }: MessageOf<"refreshAuth">): Answer {
    const found = this.#authenticationOf(hub, connectionToken);
    if (found === undefined) return AckStatus.notFound;
    const identity = refreshedIdentity(found.identity, {
      expiresAtMs,
      claims: claims.length === 0 ? undefined : claims,
    });
    if (identity === undefined) return AckStatus.forbidden;
    found.renew(identity);
    return AckStatus.ok;
  }

  #authenticationOf(hub: string, connectionToken: string): Authentication | undefined {
    const found = this.#options.connectionTokens.authentication(connectionToken);
    return found?.hub === hub ? found : undefined;
  }

  /** A key to sign clients' tokens with, for an app server that has none. */
  async #giveKey(from: ServerConnection, token: string): Promise<void> {
    const { issuers, issuedKeys, failed } = this.#options;
    const refuse = (errorType: string, errorMessage: string): void =>
      from.send({ type: "accessKeyResponse", keyId: null, accessKey: null, errorType, errorMessage });
    try {
      if (!issuers.isMeant(token))
        return refuse("NotSupportedException", "No issuer of such tokens is configured.");
      const verified = await issuers.verify(token, "server");
      if (!verified.ok) return refuse("UnauthorizedAccessException", verified.reason);
      const { keyId, accessKey } = issuedKeys.current;
      from.send({ type: "accessKeyResponse", keyId, accessKey, errorType: null, errorMessage: null });
    } catch (error) {
      failed(from, error);
      refuse("InvalidOperationException", "Internal server error.");
    }
  }

  /** Acknowledges what `work` comes to, where there is an id. */
  async #answer(
    from: ServerConnection,
    ackId: number | undefined,
    work: () => Promise<Answer>,
  ): Promise<void> {
    let answer: Answer = AckStatus.internalError;
    try {
      answer = await work();
    } catch (error) {
      this.#options.failed(from, error);
    }
    if (ackId === undefined) return;
    const message = answer === AckStatus.internalError ? "Internal server error." : "";
    if (typeof answer === "number") from.send({ type: "ack", ackId, status: answer, message });
    else from.send({ type: "ack", ackId, status: AckStatus.ok, message: "", payload: answer.payload });
  }
}

function found(isFound: boolean): Answer {
  return isFound ? AckStatus.ok : AckStatus.notFound;
}

/** @throws {FilterError} */
function filtered(audience: Audience, text: string): Audience {
  const { matches } = compileFilter(text);
  return narrowed(audience, matches, text);
}

/** The claims as the payload of an acknowledgement: a map in their order. */
function claimsPayload(claims: ServiceClaims): Buffer {
  const out = new ServiceMessageWriter();
  out.mapHeader(claims.length);
  for (const [type, value] of claims) {
    out.text(type);
    out.text(value);
  }
  return out.take();
}
