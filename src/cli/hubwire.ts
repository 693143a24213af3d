#!/usr/bin/env node
import { Command } from "commander";
import { packageVersion } from "../telemetry/package-version.ts";
import { connstrCommand } from "./connstr.ts";
import { healthCommand } from "./health.ts";
import { runProgram } from "./run-program.ts";
import { startCommand } from "./start.ts";
import { tokenCommand } from "./token.ts";
import { upstreamCommand } from "./upstream-test.ts";
import { versionCommand } from "./version.ts";

const program = new Command("hubwire")
  .description("A self-hosted service that takes the place of Azure SignalR Service")
  .version(packageVersion())
  .addCommand(startCommand())
  .addCommand(tokenCommand())
  .addCommand(connstrCommand())
  .addCommand(upstreamCommand())
  .addCommand(healthCommand())
  .addCommand(versionCommand());

// 78 is EX_CONFIG of sysexits.h: supervisors can tell a wrong configuration from a crash.
await runProgram(program, process.argv.slice(2), { usage: 2, config: 78 });
