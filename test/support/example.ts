import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A program of `examples/` that listens, as a process of its own; killed when disposed. */
export class Example implements AsyncDisposable {
  readonly url: string;
  readonly #child: ReturnType<typeof spawnExample>;
  #printed: string;
  #wake: (() => void) | undefined;

  private constructor(child: ReturnType<typeof spawnExample>, printed: string, port: string) {
    this.#child = child;
    this.#printed = printed;
    this.url = `http://localhost:${port}`;
    child.stdout.on("data", (text: string) => {
      this.#printed += text;
      this.#wake?.();
    });
  }

  /** @param env its whole environment but PATH and PORT, which is any free one */
  static async start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Example> {
    const child = spawnExample(name, env);
    child.stdout.setEncoding("utf8");
    let printed = "";
    for (;;) {
      const [text] = (await once(child.stdout, "data")) as [string];
      printed += text;
      const port = /port: (\d+)/.exec(printed)?.[1];
      if (port !== undefined) return new Example(child, printed, port);
    }
  }

  /** Resolves once it has printed this. */
  async printed(text: string): Promise<void> {
    while (!this.#printed.includes(text)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

function spawnExample(name: string, env: Readonly<Record<string, string>>) {
  const script = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
  return spawn(process.execPath, [script], {
    env: { PATH: process.env["PATH"], PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
