import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What a command of the package left behind. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment but PATH, so that no variable of the machine has a say. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end. */
export function runCommand(
  bin: "hubwire" | "asrs-emulator",
  args: readonly string[],
  options?: CommandOptions,
): Promise<Outcome> {
  return new RunningCommand(bin, args, options).ended;
}

/** A command of the package as a process of its own; killed when disposed. */
export class RunningCommand implements AsyncDisposable {
  readonly ended: Promise<Outcome>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";

  constructor(bin: "hubwire" | "asrs-emulator", args: readonly string[], { cwd, env }: CommandOptions = {}) {
    const script = fileURLToPath(new URL(`../../src/cli/${bin}.ts`, import.meta.url));
    this.#child = spawn(process.execPath, [script, ...args], {
      cwd,
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.ended = once(this.#child, "close").then(([code]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** The first capture of the pattern, as soon as either output has it. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
      if (found) return found[1] ?? found[0];
      const more = [once(this.#child.stdout, "data"), once(this.#child.stderr, "data")];
      const { code } = await Promise.race([
        ...more.map((event) => event.then(() => ({ code: "runs" }))),
        this.ended,
      ]);
      if (code !== "runs")
        throw new Error(`ended with ${code} before it printed ${pattern}:\n${this.#stdout}${this.#stderr}`);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}
