// Starts Hubwire on a free port and runs the .NET client against it. Skips, with success, where there is no .NET SDK.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createHubwire } from "../../src/app.ts";

const folder = import.meta.dirname;
const program = join(folder, "bin", "Release", "net10.0", "hubwire-conformance.dll");
const accessKey = "conformance-access-key-of-more-than-thirty-two-characters";
const buildTimeoutMs = 300_000;
const runTimeoutMs = 600_000;

if (!hasDotnet()) console.log("skipped: the .NET SDK 10 is not installed");
else if (!build()) process.exitCode = 1;
else process.exitCode = await run();

function hasDotnet(): boolean {
  const { error, stdout } = spawnSync("dotnet", ["--list-sdks"], { encoding: "utf8" });
  return error === undefined && stdout.split("\n").some((line) => Number.parseInt(line, 10) >= 10);
}

function build(): boolean {
  const { status } = spawnSync("dotnet", ["build", folder, "-c", "Release", "-v", "quiet", "--nologo"], {
    stdio: "inherit",
    timeout: buildTimeoutMs,
  });
  return status === 0;
}

async function run(): Promise<number> {
  await using hubwire = createHubwire({ port: 0, accessKeys: [accessKey] });
  await hubwire.start();
  const child = spawn("dotnet", [program, "--endpoint", hubwire.url, "--access-key", accessKey], {
    stdio: "inherit",
    timeout: runTimeoutMs,
    killSignal: "SIGKILL",
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}
