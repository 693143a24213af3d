/**
 * What a hub method throws to tell its client: the client gets the text, as with ASP.NET Core's HubException. The text of any
 * other error stays on the server, unless `detailedErrors` is on. It is also what a client's own failure is rejected with.
 *
 * @example throw new HubError("The room is full.");
 */
export class HubError extends Error {
  override readonly name = "HubError";
}

/** Nothing can be sent or asked: the app server has no connection to the service, or has lost the one that it was sent over. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";

  constructor(message = "The app server is not connected to the service.") {
    super(message);
  }
}

/** The service did not answer a request in time. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/**
 * A text of ASP.NET's with what went wrong behind it: always where that is a `HubError`, else only with `detailed`.
 */
export function withReason(text: string, error: unknown, detailed: boolean): string {
  if (error instanceof HubError) return `${text} HubException: ${error.message}`;
  if (!detailed) return text;
  return error instanceof Error ? `${text} ${error.name}: ${error.message}` : `${text} ${String(error)}`;
}

/** A promise whose rejection is for those who wait for it: it ends no process where nobody does. */
export function unobserved<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
