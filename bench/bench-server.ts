import type { Load, Reach } from "./scenarios.ts";

/** Options of a command line, by name without the dashes. */
export type Flags = Readonly<Record<string, string | number>>;

/** How a server process is started, without the core that it is pinned to. */
export interface Command {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How one of the measured servers is started, prepared and addressed. */
export interface BenchServer {
  readonly command: (port: number) => Command;
  /** Called once it listens, before clients come. */
  readonly prepare: (port: number, load: Load) => Promise<void>;
  /** What sigload is told of its paths and tokens. */
  readonly addressing: (load: { readonly reach: Reach }) => Flags;
}

/** Writes options as arguments: `{ port: 1 }` as `--port 1`. */
export function flagArgs(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
