import { MetricsListenError } from "../admin/metrics-listen-error.ts";
import type { ConfigFileSource, Hubwire } from "../app.ts";
import type { Config } from "../config/config.ts";
import { StoreError } from "../store/store-error.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CommandError } from "./command-error.ts";

/**
 * npm and some shells pass Ctrl-C on to a process that has already got it from the terminal;
 * what follows this soon is the same wish.
 */
const SAME_SIGNAL_MS = 1_000;

export interface ServeOptions {
  /** What to print once clients and callers are served. */
  readonly greeting: (hubwire: Hubwire) => string;
  /** Whose upstream templates are read again when the file changes. */
  readonly source: ConfigFileSource | undefined;
}

/**
 * Serves until Ctrl-C or SIGTERM, drains, and ends the process with 0. A further signal ends it at once.
 * @throws {CommandError} when it cannot start
 */
export async function serve(config: Config, { greeting, source }: ServeOptions): Promise<never> {
  const stopAsked = firstSignal();
  const { startFromConfig } = await import("../app.ts"); // only here: the other commands start quickly without it
  const logger = createLogger({ level: config.logLevel, format: config.logFormat });
  const hubwire = await startFromConfig(config, logger, source).catch((error: unknown) => {
    throw startError(error, config);
  });
  console.log(greeting(hubwire));
  await stopAsked;
  await hubwire.stop();
  process.exit(0);
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const signalled = (_: NodeJS.Signals, number: number): void => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(128 + number);
      resolve();
    };
    process.on("SIGINT", signalled).on("SIGTERM", signalled);
  });
}

/** What a person can do something about, in words; anything else is a fault and stays what it is. */
function startError(error: unknown, { host, port, metrics }: Config): unknown {
  if (error instanceof StoreError)
    return new CommandError(`${error.message} The data folder is set with --data-dir.`, { cause: error });
  if (error instanceof MetricsListenError)
    return listenError(error.cause, {
      host: metrics.host,
      port: metrics.port,
      portFlag: "--metrics-port",
      hostFlag: "metrics.host",
    });
  return listenError(error, { host, port, portFlag: "--port", hostFlag: "--host" });
}

interface Listened {
  readonly host: string;
  readonly port: number | undefined;
  /** What sets each. */
  readonly portFlag: string;
  readonly hostFlag: string;
}

function listenError(error: unknown, { host, port, portFlag, hostFlag }: Listened): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  switch (error.code) {
    case "EADDRINUSE":
      return new CommandError(
        `port ${port} on ${host} is already in use. Stop the program that uses it, or choose another with ${portFlag} (0 takes any free one).`,
        { cause: error },
      );
    case "EACCES":
      return new CommandError(
        `this user may not listen on port ${port}. Choose one above 1023 with ${portFlag}.`,
        { cause: error },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new CommandError(
        `this machine has no address ${host} to listen on. Choose another with ${hostFlag}: localhost, or 0.0.0.0 for all.`,
        { cause: error },
      );
    default:
      return error;
  }
}
