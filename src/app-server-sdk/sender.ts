import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../core/clock.ts";
import type { AppServerMessage, ServiceMessage } from "../protocol/service-message.ts";
import type { Acks, Answer } from "./acks.ts";
import { NotConnectedError } from "./errors.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServerConnections } from "./server-connections.ts";

/** A message that the service acknowledges, without the number that it is given. */
export type Question = Unnumbered<AppServerMessage>;

type Unnumbered<Message> = Message extends unknown
  ? "ackId" extends keyof Message
    ? Omit<Message, "ackId">
    : never
  : never;

/**
 * Sends to the service. What a client's method or hook sends goes over that client's server connection, all else over one and the
 * same: so each sender's messages reach every client in the order of sending.
 */
export class Sender {
  readonly #connections: Pick<ServerConnections, "primary">;
  readonly #acks: Acks;
  readonly #clock: Clock;
  readonly #scope = new AsyncLocalStorage<ServerConnection>();

  constructor(connections: Pick<ServerConnections, "primary">, acks: Acks, clock: Clock) {
    this.#connections = connections;
    this.#acks = acks;
    this.#clock = clock;
  }

  /** Calls what belongs to a client of this server connection. */
  run<Result>(connection: ServerConnection, call: () => Result): Result {
    return this.#scope.run(connection, call);
  }

  /**
   * Sends a message; resolves when the way to the service is not congested.
   * @throws {NotConnectedError}
   */
  async send(message: ServiceMessage): Promise<void> {
    const connection = this.#connection();
    connection.send(message);
    if (connection.isCongested) await connection.drained();
  }

  /**
   * Asks the service; resolves to its answer.
   * @throws {NotConnectedError} and {TimeoutError}
   */
  async ask(question: Question): Promise<Answer> {
    const connection = this.#connection();
    const { ackId, answer } = this.#acks.expect(connection, this.#clock.monotonicMs());
    connection.send({ ...question, ackId });
    return answer;
  }

  #connection(): ServerConnection {
    const ofClient = this.#scope.getStore();
    const connection = ofClient?.isUsable ? ofClient : this.#connections.primary;
    if (connection === undefined) throw new NotConnectedError();
    return connection;
  }
}
