import http from "node:http";
import https from "node:https";
import { Command } from "commander";
import { publicEndpoint } from "../config/public-endpoint.ts";
import { CommandError } from "./command-error.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

const TIMEOUT_MS = 5_000;

/** `hubwire health` */
export function healthCommand(): Command {
  const command = new Command("health")
    .description("ask a running service whether it is healthy; ends with 0 if it is, else with 1")
    .option("--url <url>", "where the service is; default: where one with this configuration listens");
  return addConfigOptions(command, ["port", "host"]).action(async () => {
    const { url = listeningUrl(command) } = command.opts<{ url?: string }>();
    await checkHealth(`${url.replace(/\/+$/, "")}/api/health`);
    console.log("healthy");
  });
}

/** Not `publicUrl`: this command runs beside the service, where the way from outside may not exist. */
function listeningUrl(command: Command): string {
  const { host, port } = configOf(command);
  return `${publicEndpoint({ host, port }).endpoint}:${port}`;
}

async function checkHealth(url: string): Promise<void> {
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    throw new CommandError(`${url} is no URL: give --url like http://localhost:8888`);
  const status = await statusOf(url).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message || String(cause) : String(cause);
    throw new CommandError(`unhealthy: no answer from ${url} (${reason})`, { cause });
  });
  if (status !== 200) throw new CommandError(`unhealthy: ${url} answers ${status}`);
}

/** Not with `fetch`, which refuses the ports on its list of bad ones. */
function statusOf(url: string): Promise<number | undefined> {
  const { get } = url.startsWith("https:") ? https : http;
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      resolve(response.statusCode);
      request.destroy();
    });
    request.on("error", reject);
  });
}
