import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { Command } from "commander";
import type { Hubwire } from "../app.ts";
import type { Config, UpstreamTemplate } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { CommandError } from "./command-error.ts";
import { listed, settingsFile } from "./emulator-settings.ts";
import { serve } from "./serve.ts";

/** `asrs-emulator start` */
export function emulatorStartCommand(): Command {
  return new Command("start")
    .description("To start the emulator.")
    .option("-p, --port <port>", "Specify the port to use.", "8888")
    .option("-i, --ip <ip>", "Specify the IP address to use.")
    .option("-c, --config <config>", "Specify the upstream settings file to load from.")
    .action(async ({ port, ip, config: asked }: { port: string; ip?: string; config?: string }) => {
      if (ip && isIP(ip) === 0) throw new CommandError(`Invalid IP address value: ${ip}`);
      const file = settingsFile(asked);
      const load = (): Config =>
        loadConfig({
          file: existsSync(file) ? file : undefined,
          env: process.env,
          flags: { port, host: ip || undefined },
        });
      const config = load();
      if (existsSync(file)) console.log(`Loaded settings from '${file}'.`);
      await serve(config, {
        greeting: (hubwire) => greeting(hubwire, config.upstream.templates),
        source: { file, load },
      });
    });
}

/** In the words of the emulator: scripts look for them. */
function greeting({ connectionString }: Hubwire, templates: readonly UpstreamTemplate[]): string {
  return `
===================================================
The Azure SignalR Emulator was successfully started.

Press Ctrl+C to stop the Emulator.

Use the below value inside *********** block as its ConnectionString:
***********

${connectionString}

***********

===================================================

Current Upstream Settings:
${listed(templates)}
`;
}
