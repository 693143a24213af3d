import pino, { type DestinationStream, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";

export interface LoggerOptions {
  readonly level: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  /** `auto`: `pretty` where the stream is a terminal, else `json`. */
  readonly format: "auto" | "pretty" | "json";
  /** Where lines go. Default: standard error. */
  readonly stream?: DestinationStream & { readonly isTTY?: boolean };
}

/**
 * Makes the logger of the process. It writes to standard error, so that standard output has only what a command answers,
 * and before the logging call returns, so that the last words of a process that dies are there.
 */
export function createLogger({ level, format, stream }: LoggerOptions): Logger {
  const isTerminal = (stream ?? process.stderr).isTTY === true;
  const destination = stream ?? pino.destination({ fd: process.stderr.fd, sync: true });
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorFields },
  };
  if (format === "json" || (format === "auto" && !isTerminal)) return pino(options, destination);
  const pretty = prettyFactory({
    colorize: isTerminal,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "event",
    singleLine: true,
  });
  return pino(options, { write: (line) => destination.write(pretty(line)) });
}

/** Without the further members of an error: those of some libraries hold the input that they failed on. */
function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = pino.stdSerializers.err(error); // with those of its causes
  return { type: error.name, message, stack, ...("code" in error ? { code: error.code } : {}) };
}
