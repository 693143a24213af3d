import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { loadConfig } from "../config/load.ts";
import { CommandError } from "./command-error.ts";
import { listed, SETTINGS_FILE, settingsFile } from "./emulator-settings.ts";

const DEFAULT_SETTINGS = {
  UpstreamSettings: {
    Templates: [
      {
        UrlTemplate: "http://localhost:7071/runtime/webhooks/signalr",
        EventPattern: "*",
        HubPattern: "*",
        CategoryPattern: "*",
      },
    ],
  },
};

/** `asrs-emulator upstream` */
export function emulatorUpstreamCommand(): Command {
  return new Command("upstream")
    .description("To init/list the upstream options")
    .addCommand(initCommand())
    .addCommand(listCommand());
}

function initCommand(): Command {
  return new Command("init")
    .description("Init the default upstream options into a settings.json config")
    .option("-o, --output <output>", "Specify the folder to init the upstream settings file.")
    .action(async ({ output = "" }: { output?: string }) => {
      const file = path.resolve(output, SETTINGS_FILE);
      if (existsSync(file) && !(await mayOverwrite(file))) return;
      try {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, `${JSON.stringify(DEFAULT_SETTINGS, undefined, 2)}\n`);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new CommandError(`'${file}' cannot be written (${reason}). Choose another folder with -o.`, {
          cause,
        });
      }
      console.log(`Exported default settings to '${file}'.`);
    });
}

function listCommand(): Command {
  return new Command("list")
    .description("List current upstream options")
    .option("-c, --config <config>", "Specify the upstream settings file to load from.")
    .action(({ config: asked }: { config?: string }) => {
      const file = settingsFile(asked);
      const { upstream } = loadConfig({ file: existsSync(file) ? file : undefined, env: {} });
      console.log(`Loaded upstream settings from '${file}'`);
      console.log(`Current Upstream Settings:\n${listed(upstream.templates)}`);
    });
}

/** @throws {CommandError} where nobody can be asked */
async function mayOverwrite(file: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CommandError(
      `Already contains '${file}', and without a terminal it is not overridden. Remove it first.`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const question = `Already contains '${file}', still want to override it with the default one? (N/y) `;
  const answer = await terminal.question(question);
  terminal.close();
  return answer.trim().toLowerCase() === "y";
}
