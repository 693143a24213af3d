import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

const benchDir: string = import.meta.dirname;
const buildDir: string = join(benchDir, ".build");

/** A program of `bench/` that was compiled, or why it could not be. */
export type Built = { readonly path: string } | { readonly missing: string };

/** The compiled programs that the benchmark runs. */
export interface Tools {
  readonly sigload: Built;
  readonly epollBound: Built;
  readonly aspnetPeer: Built;
}

/** Compiles what is not there yet, or is older than its source, into `bench/.build/`. */
export function buildTools(): Tools {
  mkdirSync(buildDir, { recursive: true });
  return {
    sigload: compileCpp("sigload"),
    epollBound: compileCpp("epoll-bound"),
    aspnetPeer: publishDotnet("aspnet-peer"),
  };
}

function compileCpp(name: string): Built {
  const source = join(benchDir, name, `${name}.cc`);
  const path = join(buildDir, name);
  if (isNewer(path, [source])) return { path };
  return compile("g++", ["-O2", "-std=c++17", "-Wall", "-Wextra", "-o", path, source], path);
}

function publishDotnet(name: string): Built {
  const folder = join(benchDir, name);
  const project = join(folder, `${name}.csproj`);
  const path = join(buildDir, name, "publish", name, "release", `${name}.dll`);
  if (isNewer(path, [project, join(folder, "Program.cs")])) {
    return found("dotnet") ? { path } : { missing: "dotnet is not installed" };
  }
  // The folder must not be called "dotnet": the SDK 10.0.401 takes an argument that ends so for its own name.
  const artifacts = join(buildDir, name);
  return compile("dotnet", ["publish", project, "-c", "Release", "--artifacts-path", artifacts], path);
}

function isNewer(path: string, sources: readonly string[]): boolean {
  if (!existsSync(path)) return false;
  const built = statSync(path).mtimeMs;
  return sources.every((source) => statSync(source).mtimeMs < built);
}

function found(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
}

function compile(command: string, args: readonly string[], path: string): Built {
  if (!found(command)) return { missing: `${command} is not installed` };
  console.error(`building ${path}`);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
  if (status === 0) return { path };
  const said = `${stdout}${stderr}`.trim().split("\n").slice(-5).join("\n  ");
  return { missing: `${command} could not build it:\n  ${said}` };
}
