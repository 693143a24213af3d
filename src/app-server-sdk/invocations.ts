import { Fifo } from "../core/fifo.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import { type Backlog, ClientStream } from "./client-stream.ts";
import { HubError, withReason } from "./errors.ts";
import type { HubCodec } from "./hub-codec.ts";
import { ClientContext, type HubContext } from "./hub-context.ts";
import { abandon, isStream, ResultStream } from "./result-stream.ts";
import type { Settings } from "./settings.ts";

/** What invocations need of the client that makes them. */
export interface InvocationHost {
  readonly settings: Settings;
  readonly codec: HubCodec;
  readonly context: HubContext;
  /** Calls what belongs to the client. */
  run<Result>(call: () => Result): Result;
  /** Sends a framed hub message of types 1 to 5. */
  write(framed: Buffer): void;
  /** Resolves when more may be sent; `undefined` where it may be at once. */
  drained(): Promise<void> | undefined;
  /** The client has sent more than may wait. */
  overflow(): void;
  /** A method threw what its client is not told. */
  failed(target: string, error: unknown): void;
}

/** An invocation that has come and is not done. */
interface Call {
  readonly target: string;
  /** `undefined`: the client waits for nothing. */
  readonly invocationId: string | undefined;
  readonly args: readonly unknown[];
  /** What is wrong with the arguments. */
  readonly problem: unknown;
  readonly streams: readonly ClientStream[];
  readonly streamIds: readonly string[];
  /** Where it is to be answered by a stream. */
  readonly results: ResultStream | undefined;
  readonly bytes: number;
}

const GONE = "The underlying connection was closed.";

/**
 * The invocations of one client: they run in the order of their coming, so many at once as allowed. What streams, either way, begins
 * in that order too, and then keeps nothing waiting.
 */
export class Invocations implements Backlog {
  readonly #host: InvocationHost;
  readonly #waiting = new Fifo<Call>();
  #running = 0;
  #isHeld = true;
  #isClosed = false;
  #queuedBytes = 0;
  readonly #streams = new Map<string, ClientStream>();
  readonly #results = new Map<string, ResultStream>();
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(host: InvocationHost) {
    this.#host = host;
  }

  /** Lets them begin. */
  release(): void {
    this.#isHeld = false;
    this.#advance();
  }

  /** Ends streams and drops what has not begun; resolves when what runs is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.end(new Error(GONE));
    for (const stream of this.#results.values()) stream.cancel();
    while (this.#waiting.shift() !== undefined);
    if (this.#running === 0) return;
    this.#idle = Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** Takes a hub message of types 1 to 5. @throws {ProtocolError} */
  receive(message: HubMessage): void {
    const { type, invocationId = "" } = message;
    switch (type) {
      case HubMessageType.invocation:
      case HubMessageType.streamInvocation:
        return this.#add(message);
      case HubMessageType.streamItem:
        return this.#receiveItem(message);
      case HubMessageType.completion:
        this.#streams
          .get(invocationId)
          ?.end(message.error === undefined ? undefined : new HubError(message.error));
        this.#streams.delete(invocationId);
        return;
      case HubMessageType.cancelInvocation:
        this.#results.get(invocationId)?.cancel();
    }
  }

  add(bytes: number): void {
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > this.#host.settings.maxQueuedBytes) this.#host.overflow();
  }

  remove(bytes: number): void {
    this.#queuedBytes -= bytes;
  }

  #add(message: HubMessage): void {
    const { type, target = "", invocationId, bytes } = message;
    const { settings } = this.#host;
    const isStreamed = type === HubMessageType.streamInvocation && invocationId !== undefined;
    if (isStreamed && this.#results.has(invocationId))
      return this.#refuse(invocationId, `Invocation ID '${invocationId}' is already in use.`);
    const { args, streamIds, problem } = this.#readArguments(message);
    const streamCount = this.#streams.size + this.#results.size + streamIds.length + Number(isStreamed);
    if (isStreamed || streamIds.length > 0)
      if (streamCount > settings.maxStreamsPerClient)
        return this.#refuse(invocationId, withReason(failedToInvoke(target), TOO_MANY_STREAMS, false));
    const results = isStreamed ? new ResultStream() : undefined;
    if (isStreamed && results !== undefined) this.#results.set(invocationId, results);
    const streams = streamIds.map((id) => this.#openStream(id));
    this.add(bytes.length);
    this.#waiting.push({
      target,
      invocationId,
      args,
      problem,
      streams,
      streamIds,
      results,
      bytes: bytes.length,
    });
    this.#advance();
  }

  #readArguments({ value, streamIds }: HubMessage): Pick<Call, "args" | "streamIds" | "problem"> {
    const { codec } = this.#host;
    try {
      const args = value === undefined ? [] : listOf(codec.read(value));
      const ids = streamIds === undefined ? [] : listOf(codec.read(streamIds));
      return { args, streamIds: ids.filter((id) => typeof id === "string"), problem: undefined };
    } catch (cause) {
      return { args: [], streamIds: [], problem: cause };
    }
  }

  #openStream(id: string): ClientStream {
    this.#streams.get(id)?.end(new Error("The client uses the id of the stream for another one."));
    const stream = new ClientStream(this);
    this.#streams.set(id, stream);
    return stream;
  }

  #receiveItem({ invocationId = "", value, bytes }: HubMessage): void {
    const stream = this.#streams.get(invocationId);
    if (stream === undefined || value === undefined) return;
    try {
      stream.push(this.#host.codec.read(value), bytes.length);
    } catch (cause) {
      stream.end(new HubError("Failed to bind Stream message.", { cause }));
    }
  }

  #advance(): void {
    if (this.#isHeld) return;
    while (!this.#isClosed && this.#running < this.#host.settings.parallelInvocations) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      this.remove(call.bytes);
      const isStream = call.results !== undefined || call.streams.length > 0;
      if (isStream) void this.#run(call);
      else this.#runCounted(call);
    }
  }

  #runCounted(call: Call): void {
    this.#running++;
    void this.#run(call).then(() => {
      this.#running--;
      if (this.#running === 0) this.#idle?.resolve();
      this.#advance();
    });
  }

  /** Never rejects. */
  async #run(call: Call): Promise<void> {
    const { invocationId, results, streams, streamIds } = call;
    try {
      const error = await this.#host.run(() => this.#answer(call));
      if (error !== undefined) this.#refuse(invocationId, error);
    } finally {
      if (invocationId !== undefined && results !== undefined) this.#results.delete(invocationId);
      for (const stream of streams) stream.drop();
      for (const [index, id] of streamIds.entries())
        if (this.#streams.get(id) === streams[index]) this.#streams.delete(id);
    }
  }

  /** Calls the method and sends what it returns; resolves to the text of an error to answer with. */
  async #answer(call: Call): Promise<string | undefined> {
    const { target, invocationId, results, args, streams, problem } = call;
    const { settings, context } = this.#host;
    const method = settings.methods.get(target.toLowerCase());
    if (method === undefined) return withReason(failedToInvoke(target), NO_METHOD, false);
    const unbound = problem ?? countProblem(args.length + streams.length, method.length - 1);
    if (unbound !== undefined) return withReason(failedToInvoke(target), unbound, settings.detailedErrors);
    const own = results === undefined ? context : new ClientContext(context, results.signal);
    // The client's values are what it sent; methods check them.
    const parameters = [own, ...args, ...streams] as [HubContext, ...never[]];
    try {
      const outcome: unknown = await method(...parameters);
      if (isStream(outcome)) return await this.#stream(call, outcome);
      if (results !== undefined)
        return `The client attempted to invoke the non-streaming '${target}' method with a streaming invocation.`;
      if (invocationId !== undefined) this.#host.write(this.#host.codec.completion(invocationId, outcome));
      return undefined;
    } catch (error) {
      return this.#failed(target, error, `An unexpected error occurred invoking '${target}' on the server.`);
    }
  }

  async #stream(call: Call, items: AsyncIterable<unknown> | Iterable<unknown>): Promise<string | undefined> {
    const { target, invocationId, results } = call;
    if (results === undefined || invocationId === undefined) {
      abandon(items);
      return `The client attempted to invoke the streaming '${target}' method with a non-streaming invocation.`;
    }
    const { codec } = this.#host;
    try {
      await results.run(items, {
        send: (item) => this.#host.write(codec.streamItem(invocationId, item)),
        drained: () => this.#host.drained(),
      });
    } catch (error) {
      return this.#failed(target, error, "An error occurred on the server while streaming results.");
    }
    if (!this.#isClosed) this.#host.write(codec.protocol.completionVoid(invocationId));
    return undefined;
  }

  #failed(target: string, error: unknown, text: string): string {
    if (!(error instanceof HubError) && !this.#isClosed) this.#host.failed(target, error);
    return withReason(text, error, this.#host.settings.detailedErrors);
  }

  #refuse(invocationId: string | undefined, error: string): void {
    if (invocationId === undefined || this.#isClosed) return;
    this.#host.write(this.#host.codec.protocol.completionError(invocationId, error));
  }
}

const NO_METHOD = new HubError("Method does not exist.");
const TOO_MANY_STREAMS = new HubError("The client has too many streams.");

function failedToInvoke(target: string): string {
  return `Failed to invoke '${target}' due to an error on the server.`;
}

/** Too few arguments are refused; what is too much, JavaScript's methods take or leave. */
function countProblem(given: number, expected: number): Error | undefined {
  if (given >= expected) return undefined;
  const error = new Error(`Invocation provides ${given} argument(s) but target expects ${expected}.`);
  error.name = "InvalidDataException";
  return error;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
