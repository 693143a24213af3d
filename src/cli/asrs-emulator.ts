#!/usr/bin/env node
import { Command } from "commander";
import { emulatorStartCommand } from "./emulator-start.ts";
import { emulatorUpstreamCommand } from "./emulator-upstream.ts";
import { runProgram } from "./run-program.ts";

// The commands, flags, words and exit codes of Microsoft's emulator, docs/spec/rest-api.md §5.
const program = new Command("asrs-emulator")
  .description("The local emulator for Azure SignalR Serverless features.")
  .addCommand(emulatorUpstreamCommand())
  .addCommand(emulatorStartCommand());

await runProgram(program, process.argv.slice(2), { usage: 1, config: 1 });
