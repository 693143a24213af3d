import type { HubRequest } from "../core/hub-request.ts";
import { refuseUpgrade, type Upgrade, type UpgradeRefusal } from "../websocket/upgrade.ts";
import type { ClientAdmission } from "./client-admission.ts";
import { type Connections, clientOrigin } from "./connections.ts";
import { WebSocketTransport } from "./web-socket-transport.ts";

/**
 * The WebSocket side of the client endpoint: attaches negotiated connections, reattaches stateful ones,
 * and takes clients that skip negotiation.
 */
export class WebSocketEndpoint {
  readonly #connections: Connections;
  readonly #admission: ClientAdmission;
  readonly #allowedOrigins: readonly string[];

  /** @param allowedOrigins origins whose pages may connect; `*` stands for all. No browser enforces it for WebSockets. */
  constructor(connections: Connections, admission: ClientAdmission, allowedOrigins: readonly string[]) {
    this.#connections = connections;
    this.#admission = admission;
    this.#allowedOrigins = allowedOrigins;
  }

  /** Answers an upgrade request of a client. */
  accept(client: HubRequest, upgrade: Upgrade): void {
    const refusal = this.#acceptClient(client, upgrade);
    if (refusal !== undefined) refuseUpgrade(upgrade.socket, refusal);
  }

  #acceptClient(client: HubRequest, upgrade: Upgrade): UpgradeRefusal | undefined {
    const { origin } = upgrade.request.headers;
    if (origin !== undefined && !this.#allowedOrigins.includes("*") && !this.#allowedOrigins.includes(origin))
      return { status: 403, text: "Pages of this origin may not connect." };
    const token = client.query("id").at(-1);
    if (!token) return this.#acceptUnnegotiated(client, upgrade);
    const connection = this.#connections.find(token);
    if (connection === undefined) return { status: 404, text: "No Connection with that ID" };
    const { negotiated, session } = connection;
    if (!negotiated.identity.transports.includes("WebSockets")) return NOT_SUPPORTED;
    if (!connection.hasSecretToken && !this.#admission.isSameUser(client, upgrade.request, negotiated))
      return { status: 401, text: "", challenge: "Bearer" };
    if (connection.transport === undefined) {
      const transport = new WebSocketTransport(this.#connections.context, upgrade);
      this.#connections.attach(connection, transport, upgrade.request);
      return undefined;
    }
    if (connection.transport !== "WebSockets")
      return { status: 400, text: "Cannot change transports mid-connection" };
    if (session === undefined || !session.canReattach) return { status: 409, text: "" };
    const transport = new WebSocketTransport(this.#connections.context, upgrade);
    transport.session = session;
    session.reattach(transport);
    return undefined;
  }

  #acceptUnnegotiated(client: HubRequest, upgrade: Upgrade): UpgradeRefusal | undefined {
    const admitted = this.#admission.admit(client, upgrade.request);
    if ("status" in admitted) return admitted;
    if (!admitted.identity.transports.includes("WebSockets")) return NOT_SUPPORTED;
    const transport = new WebSocketTransport(this.#connections.context, upgrade);
    const { request } = upgrade;
    this.#connections.start(
      clientOrigin(admitted),
      { ...admitted, statefulReconnect: false },
      { transport, request },
    );
    return undefined;
  }
}

const NOT_SUPPORTED: UpgradeRefusal = {
  status: 404,
  text: "WebSockets transport not supported by this end point type",
};
