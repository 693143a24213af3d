// What the conformance runs share: the .NET SDK, and programs that are given an end.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const buildTimeoutMs = 300_000;

/** Whether the .NET SDK 10 or a newer one is installed. */
export function hasDotnet(): boolean {
  const { error, stdout } = spawnSync("dotnet", ["--list-sdks"], { encoding: "utf8" });
  return error === undefined && stdout.split("\n").some((line) => Number.parseInt(line, 10) >= 10);
}

/** Whether the packages of the project in `folder` can be had; says on the terminal why not. */
export function restore(folder: string): boolean {
  return dotnet(["restore", folder, "-v", "quiet"]);
}

/** Builds the project in `folder`; returns whether it did. */
export function build(folder: string): boolean {
  return dotnet(["build", folder, "-c", "Release", "-v", "quiet", "--nologo"]);
}

/** The program that `build` made of the project in `folder`. */
export function programOf(folder: string, name: string): string {
  return join(folder, "bin", "Release", "net10.0", `${name}.dll`);
}

/** Runs a built program and returns its exit code; it is killed after `timeoutMs`. */
export async function runProgram(
  program: string,
  parameters: readonly string[],
  timeoutMs: number,
): Promise<number> {
  const child = spawn("dotnet", [program, ...parameters], {
    stdio: "inherit",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

function dotnet(parameters: readonly string[]): boolean {
  return spawnSync("dotnet", parameters, { stdio: "inherit", timeout: buildTimeoutMs }).status === 0;
}
