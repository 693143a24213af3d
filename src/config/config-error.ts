/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** The setting as whoever gave it wrote it: `limits.maxMessageBytes`, `HUBWIRE_PORT` or `--port`. */
  readonly path: string;
  /** The file and line it stands in; absent for flags, environment and options. */
  readonly source?: string | undefined;
  /** What was given (never a secret) and what would be right. */
  readonly message: string;
}

/** The configuration cannot be used; `problems` has everything that is wrong with it, not only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    super([`the configuration has ${count}:`, ...problems.map(line)].join("\n"));
    this.problems = problems;
  }
}

function line({ path, source, message }: ConfigProblem): string {
  return `  ${[path, source].filter(Boolean).join(" in ")}: ${message}`;
}
