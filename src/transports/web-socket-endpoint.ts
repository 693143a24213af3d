import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ClientAdmission } from "./client-admission.ts";
import { type ClientRequest, readClientRequest } from "./client-request.ts";
import { type Connections, clientOrigin } from "./connections.ts";
import { WebSocketTransport } from "./web-socket-transport.ts";

/** A WebSocket request: what node hands over when a client asks to upgrade. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that came with the request. */
  readonly head: Buffer;
}

/** Why an upgrade was refused. */
interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly challenge?: string | undefined;
}

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

  /** Answers an upgrade request, whatever its path is. */
  accept(upgrade: Upgrade): void {
    const client = readClientRequest(upgrade.request);
    const refusal =
      client.path === "/client" ? this.#acceptClient(client, upgrade) : { status: 404, text: "Not found" };
    if (refusal !== undefined) refuse(upgrade.socket, refusal);
  }

  #acceptClient(client: ClientRequest, upgrade: Upgrade): Refusal | undefined {
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
      this.#connections.attach(connection, transport);
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

  #acceptUnnegotiated(client: ClientRequest, upgrade: Upgrade): Refusal | undefined {
    const admitted = this.#admission.admit(client, upgrade.request);
    if ("status" in admitted) return admitted;
    if (!admitted.identity.transports.includes("WebSockets")) return NOT_SUPPORTED;
    const transport = new WebSocketTransport(this.#connections.context, upgrade);
    this.#connections.start(clientOrigin(admitted), { ...admitted, statefulReconnect: false }, transport);
    return undefined;
  }
}

const NOT_SUPPORTED: Refusal = {
  status: 404,
  text: "WebSockets transport not supported by this end point type",
};

/** Answers an upgrade request with an ordinary response and lets its connection go, whether or not the peer ends its side. */
function refuse(socket: Socket, { status, text, challenge }: Refusal): void {
  socket.on("error", () => {});
  const challengeLine = challenge === undefined ? "" : `WWW-Authenticate: ${challenge}\r\n`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${challengeLine}Content-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  socket.destroySoon();
}
