// Starts Hubwire on a free port and runs the .NET client against it. Skips, with success, where there is no .NET SDK.
import { createHubwire } from "../../src/app.ts";
import { build, hasDotnet, programOf, runProgram } from "../shared/dotnet.ts";

const folder = import.meta.dirname;
const accessKey = "conformance-access-key-of-more-than-thirty-two-characters";
const runTimeoutMs = 600_000;

if (!hasDotnet()) console.log("skipped: the .NET SDK 10 is not installed");
else if (!build(folder)) process.exitCode = 1;
else process.exitCode = await run();

async function run(): Promise<number> {
  await using hubwire = createHubwire({ port: 0, accessKeys: [accessKey] });
  await hubwire.start();
  const parameters = ["--endpoint", hubwire.url, "--access-key", accessKey];
  return await runProgram(programOf(folder, "hubwire-conformance"), parameters, runTimeoutMs);
}
