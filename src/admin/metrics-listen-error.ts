/** Metrics cannot be served where they should be; `cause` is node's error. */
export class MetricsListenError extends Error {
  override readonly name = "MetricsListenError";

  constructor({ host, port }: { readonly host: string; readonly port: number }, options: ErrorOptions) {
    super(`Metrics cannot be served on ${host}, port ${port}.`, options);
  }
}
