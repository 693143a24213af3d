import { audienceAllowsServer } from "../auth/audience.ts";
import type { Authorization, Authorizer } from "../auth/authorizer.ts";
import { bearerToken } from "../auth/bearer-token.ts";
import type { EmitEvent } from "../core/events.ts";
import { type HubRequest, requestedHub } from "../core/hub-request.ts";
import type { Upgrade, UpgradeRefusal } from "../websocket/upgrade.ts";
import type { ServerIdentity } from "./server-connection.ts";

const MAX_ID_CHARACTERS = 256;

/** What the decision depends on. */
export interface ServerAdmissionOptions {
  readonly authorizer: Authorizer;
  readonly emit: EmitEvent;
  /** Why no server connection can be taken at the moment, if so. */
  readonly closedBecause: () => { readonly status: number; readonly text: string } | undefined;
}

/** Decides who may connect as an app server: the hub, the token, and whether there is room. docs/spec/service-protocol.md §1.5 */
export class ServerAdmission {
  readonly #options: ServerAdmissionOptions;

  constructor(options: ServerAdmissionOptions) {
    this.#options = options;
  }

  /** Judges an upgrade request; later only where the token's issuer must be asked for its keys. */
  admit(
    request: HubRequest,
    upgrade: Upgrade,
  ): ServerIdentity | UpgradeRefusal | Promise<ServerIdentity | UpgradeRefusal> {
    const { authorizer, closedBecause } = this.#options;
    const requested = requestedHub(request);
    if ("error" in requested) return this.#refuse("", { status: 400, text: requested.error });
    const { hub } = requested;
    const closed = closedBecause();
    if (closed !== undefined) return this.#refuse(hub, closed);
    const { headers } = upgrade.request;
    const token = bearerToken(headers.authorization, request.query("access_token"));
    const authorization = authorizer.authorize(token, {
      permission: "server",
      allows: (audience) => audienceAllowsServer(audience, hub),
    });
    const judged = (result: Authorization): ServerIdentity | UpgradeRefusal =>
      this.#judge(result, { hub, request, upgrade });
    if (!("then" in authorization)) return judged(authorization);
    return authorization.then((result) => {
      const closedMeanwhile = closedBecause();
      return closedMeanwhile === undefined ? judged(result) : this.#refuse(hub, closedMeanwhile);
    });
  }

  #judge(
    authorization: Authorization,
    { hub, request, upgrade }: { hub: string; request: HubRequest; upgrade: Upgrade },
  ): ServerIdentity | UpgradeRefusal {
    if (!authorization.ok) {
      const { status, reason } = authorization;
      const challenge = "challenge" in authorization ? authorization.challenge : undefined;
      return this.#refuse(hub, { status, text: reason, challenge });
    }
    const { headers } = upgrade.request;
    const { nameid } = authorization.claims;
    const serverId = headerOf(headers["x-asrs-server-id"]) ?? (typeof nameid === "string" ? nameid : "");
    const connectionId = request.query("cid").at(-1) ?? "";
    if (serverId.length > MAX_ID_CHARACTERS || connectionId.length > MAX_ID_CHARACTERS)
      return this.#refuse(hub, {
        status: 400,
        text: `Server id and 'cid' may have ${MAX_ID_CHARACTERS} characters at most.`,
      });
    return {
      hub,
      // One that does not say who it is stands for itself.
      serverId: serverId === "" ? connectionId : serverId,
      connectionId,
      userAgent: headerOf(headers["asrs-user-agent"]) ?? headers["user-agent"] ?? "",
    };
  }

  #refuse(hub: string, refusal: UpgradeRefusal): UpgradeRefusal {
    this.#options.emit({ name: "server.refused", hub, status: refusal.status, reason: refusal.text });
    return refusal;
  }
}

function headerOf(value: string | readonly string[] | undefined): string | undefined {
  return (typeof value === "string" ? value : value?.[0]) || undefined;
}
