// Starts Hubwire in mode default and runs app servers with Microsoft's SDK, and clients, against it. Skips, with success, where the
// .NET SDK or the packages cannot be had. Arguments are passed on, see README.md.
import { join } from "node:path";
import { createHubwire } from "../../src/app.ts";
import { build, hasDotnet, programOf, restore, runProgram } from "../shared/dotnet.ts";

const folder = import.meta.dirname;
const appServerFolder = join(folder, "..", "app-server");
const hubwireProgram = join(folder, "..", "..", "src", "cli", "hubwire.ts");
const accessKey = "conformance-access-key-of-more-than-thirty-two-characters";
const runTimeoutMs = 3_600_000;

if (!hasDotnet()) console.log("skipped: the .NET SDK 10 is not installed");
else if (!restore(appServerFolder) || !restore(folder))
  console.log("skipped: the packages of the SDK cannot be had");
else if (!build(appServerFolder) || !build(folder)) process.exitCode = 1;
else process.exitCode = await run(process.argv.slice(2));

async function run(given: readonly string[]): Promise<number> {
  const parameters = ["--app-server", programOf(appServerFolder, "app-server"), ...given];
  parameters.push("--node", process.execPath);
  if (given.includes("--self-hosted")) return runChecks(parameters);
  await using hubwire = createHubwire({ port: 0, mode: "default", accessKeys: [accessKey] });
  await hubwire.start();
  parameters.push("--connection-string", hubwire.connectionString);
  parameters.push("--hubwire", `${process.execPath} ${hubwireProgram} start --mode default`);
  return await runChecks(parameters);
}

function runChecks(parameters: readonly string[]): Promise<number> {
  return runProgram(programOf(folder, "app-server-checks"), parameters, runTimeoutMs);
}
