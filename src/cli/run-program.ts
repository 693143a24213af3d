import { type Command, CommanderError } from "commander";
import { ConnectionStringError } from "../auth/connection-string.ts";
import { ConfigError } from "../config/config-error.ts";
import { CommandError } from "./command-error.ts";

/** What a program ends with when it was called in a way it does not know, and when its configuration is wrong. */
export interface ExitCodes {
  readonly usage: number;
  readonly config: number;
}

/** Runs the command that the arguments name; without any, prints help. What goes wrong is told on standard error. */
export async function runProgram(
  program: Command,
  args: readonly string[],
  exitCodes: ExitCodes,
): Promise<void> {
  prepare(program);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exit(tell(program.name(), error, exitCodes));
  }
}

/** Commander would end the process itself; and added commands do not inherit what is set later. */
function prepare(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help tells what it takes)");
  for (const inner of command.commands) prepare(inner);
}

function tell(program: string, error: unknown, { usage, config }: ExitCodes): number {
  // Commander has told what is wrong, or has printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usage;
  if (
    error instanceof ConfigError ||
    error instanceof CommandError ||
    error instanceof ConnectionStringError
  ) {
    console.error(`${program}: ${error.message}`);
    return error instanceof ConfigError ? config : 1;
  }
  console.error(`${program}: this is a fault of Hubwire, please report it:`, error);
  return 1;
}
