import type { IncomingMessage } from "node:http";
import { audienceAllowsClient } from "../auth/audience.ts";
import { bearerToken } from "../auth/bearer-token.ts";
import { clientIdentity } from "../auth/client-identity.ts";
import type { TokenVerifier } from "../auth/token-verifier.ts";
import type { EmitEvent } from "../core/events.ts";
import { type HubRequest, requestedHub } from "../core/hub-request.ts";
import type { ClientIdentity } from "../core/identity.ts";
import type { ChooseBackend, ClientBackend } from "../core/ports.ts";

/** A client that may connect. */
export interface AdmittedClient {
  readonly hub: string;
  readonly identity: ClientIdentity;
  readonly query: string;
  readonly backend: ClientBackend;
}

/** A client that may not, and the answer it gets. */
export interface RefusedClient {
  readonly status: number;
  readonly text: string;
  /** `WWW-Authenticate`, with status 401. */
  readonly challenge?: string;
}

/** What the decision depends on. */
export interface ClientAdmissionOptions {
  readonly verifier: TokenVerifier;
  readonly chooseBackend: ChooseBackend;
  readonly emit: EmitEvent;
  /** Why no new client can be taken at the moment, if so. */
  readonly closedBecause: () => { readonly status: number; readonly text: string } | undefined;
}

/** Decides who may connect as a client: the hub, the token, and whether there is room. */
export class ClientAdmission {
  readonly #options: ClientAdmissionOptions;

  constructor(options: ClientAdmissionOptions) {
    this.#options = options;
  }

  /** Judges a request that would make a new connection. */
  admit(client: HubRequest, request: IncomingMessage): AdmittedClient | RefusedClient {
    const { verifier, chooseBackend, emit, closedBecause } = this.#options;
    const refuse = (hub: string, refused: RefusedClient): RefusedClient => {
      emit({ name: "client.refused", hub, status: refused.status, reason: refused.text });
      return refused;
    };
    const requested = requestedHub(client);
    if ("error" in requested) return refuse("", { status: 400, text: requested.error });
    const { hub } = requested;
    const closed = closedBecause();
    if (closed !== undefined) return refuse(hub, closed);
    const verified = verifier.verify(tokenOf(client, request), (audience) =>
      audienceAllowsClient(audience, hub),
    );
    if (!verified.ok) {
      const { challenge, reason } = verified;
      return refuse(hub, { status: 401, text: reason, challenge });
    }
    const backend = chooseBackend(hub);
    if ("refused" in backend) return refuse(hub, { status: 503, text: backend.refused });
    return { hub, identity: clientIdentity(verified), query: client.passedOnQuery, backend };
  }

  /** Whether a later request brings a token of the same user for the same hub; its expiry no longer matters. */
  isSameUser(
    client: HubRequest,
    request: IncomingMessage,
    { hub, identity }: { hub: string; identity: ClientIdentity },
  ): boolean {
    const verified = this.#options.verifier.verifyRegardlessOfTime(tokenOf(client, request), (audience) =>
      audienceAllowsClient(audience, hub),
    );
    return verified.ok && clientIdentity(verified).userId === identity.userId;
  }
}

function tokenOf(client: HubRequest, request: IncomingMessage): string | undefined {
  return bearerToken(request.headers.authorization, client.query("access_token"));
}
