import path from "node:path";
import { Command, Option } from "commander";
import type { Hubwire } from "../app.ts";
import type { Config } from "../config/config.ts";
import { configFileOf, loadConfig } from "../config/load.ts";
import { DEVELOPMENT_KEY } from "../config/schema.ts";
import { packageVersion } from "../telemetry/package-version.ts";
import { addConfigOptions, configSourcesOf } from "./config-options.ts";
import { serve } from "./serve.ts";

/** `hubwire start` */
export function startCommand(): Command {
  const command = new Command("start").description("run the service until Ctrl-C or SIGTERM");
  return addConfigOptions(command, [
    "port",
    "host",
    "accessKeys",
    "mode",
    "dataDir",
    "logLevel",
    "metrics.port",
  ])
    .addOption(new Option("-i, --ip <host>", "the same as --host").conflicts("host"))
    .action(async () => {
      const sources = configSourcesOf(command, { host: command.opts<{ ip?: string }>().ip });
      const config = loadConfig(sources);
      const file = configFileOf(sources);
      await serve(config, {
        greeting: (hubwire) => greeting(config, hubwire),
        source: file === undefined ? undefined : { file, load: () => loadConfig(sources) },
      });
    });
}

function greeting(config: Config, { url, connectionString, metricsUrl }: Hubwire): string {
  const isDevelopmentKey = config.accessKeys.includes(DEVELOPMENT_KEY);
  const lines = [
    `Hubwire ${packageVersion()} serves ${url}`,
    "",
    `  mode   ${config.mode}`,
    `  data   ${path.resolve(config.dataDir)}`,
    ...(metricsUrl === undefined ? [] : [`  metrics ${metricsUrl}`]),
    `  token  hubwire token --hub chat --user ann${isDevelopmentKey ? "" : " --access-key …"}`,
    "",
    "Connection string:",
    "",
    connectionString,
    "",
  ];
  if (isDevelopmentKey && !isLoopback(config.host))
    lines.push(
      `Warning: everyone knows this access key, and ${config.host} is reachable from other machines. Set your own with --access-key.`,
      "",
    );
  return lines.join("\n");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
