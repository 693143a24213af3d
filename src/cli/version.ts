import { Command } from "commander";
import { packageVersion } from "../telemetry/package-version.ts";

/** `hubwire version` */
export function versionCommand(): Command {
  return new Command("version")
    .description("print the version of Hubwire and of Node.js")
    .action(() => console.log(`hubwire ${packageVersion()} (node ${process.versions.node})`));
}
