/** What an app server tells its application's log. No event carries a token, a key or a payload. */
export type AppServerEvent =
  | { readonly name: "server_connection.opened"; readonly id: string }
  | {
      /** A server connection was refused or lost; another one is tried after `retryMs`, unless the app server stops. */
      readonly name: "server_connection.closed";
      readonly id: string;
      readonly reason: string;
      /** Of the service's answer, where it refused the connection. */
      readonly status?: number;
      readonly retryMs?: number;
    }
  /** The service reports a fault of this app server or of its own. */
  | { readonly name: "service.error"; readonly id: string; readonly message: string }
  | { readonly name: "client.opened"; readonly connectionId: string; readonly userId: string | undefined }
  | { readonly name: "client.closed"; readonly connectionId: string; readonly error: Error | undefined }
  /** A hub method threw something else than a `HubError`. */
  | {
      readonly name: "method.failed";
      readonly connectionId: string;
      readonly target: string;
      readonly error: unknown;
    }
  | {
      readonly name: "hook.failed";
      readonly connectionId: string;
      readonly hook: "connected" | "disconnected";
      readonly error: unknown;
    }
  /** A fault of this library. */
  | { readonly name: "fault"; readonly error: unknown };

/** Takes events; never throws. */
export type EmitAppServerEvent = (event: AppServerEvent) => void;

/** Events for a log that may fail: that must not end what is logged. */
export function emitTo(log: ((event: AppServerEvent) => void) | undefined): EmitAppServerEvent {
  if (log === undefined) return () => {};
  return (event) => {
    try {
      log(event);
    } catch {
      // Whoever logs has no other place to report to either.
    }
  };
}
