import { Command, InvalidArgumentError, Option } from "commander";
import { parseConnectionString } from "../auth/connection-string.ts";
import { mintClientToken, mintRestToken } from "../auth/token.ts";
import { publicEndpoint } from "../config/public-endpoint.ts";
import { isHubName } from "../core/hub-name.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

type Claims = Readonly<Record<string, string | readonly string[]>>;

interface TokenOptions {
  readonly kind: "client" | "rest";
  readonly hub?: string;
  readonly user?: string;
  readonly claim?: Claims;
  readonly url?: string;
  readonly path?: string;
  readonly ttl: number;
  readonly connectionString?: string;
  readonly accessKey?: readonly string[];
}

/** The service that a token is for. */
interface Service {
  readonly accessKey: string;
  /** Ends without `/`. */
  readonly url: string;
}

const SET_BY_US: readonly string[] = ["aud", "exp", "iat", "nbf"];
const TEN_YEARS_SECONDS = 315_360_000;

/** `hubwire token` */
export function tokenCommand(): Command {
  const command = new Command("token")
    .description("print a token for a client or for one REST operation")
    .addOption(new Option("--kind <kind>", "what it opens").choices(["client", "rest"]).default("client"))
    .option("--hub <hub>", "client: its hub, with an application as application_hub", checkedHub)
    .option("--user <id>", "client: its user id")
    .option(
      "--claim <name=value>",
      "a further claim; repeatable, and a name given twice becomes a list",
      addClaim,
    )
    .option("--url <url>", "client: any URL of the service; rest: the URL of the request", checkedUrl)
    .addOption(
      new Option("--path <path>", "rest: the path of the request, instead of its URL")
        .argParser(checkedPath)
        .conflicts("url"),
    )
    .option("--ttl <seconds>", "how long it is valid", checkedTtl, 3600)
    .addOption(
      new Option("--connection-string <text>", "the service, instead of the configuration").conflicts(
        "accessKey",
      ),
    )
    .addHelpText("after", EXAMPLES);
  return addConfigOptions(command, ["accessKeys"]).action(() => console.log(tokenFor(command)));
}

const EXAMPLES = `
Examples:
  hubwire token --hub chat --user ann --claim role=admin
  hubwire token --kind rest --path /api/hubs/chat/:send`;

function tokenFor(command: Command): string {
  const options = command.opts<TokenOptions>();
  const { accessKey, url } = serviceOf(command, options);
  const request = { accessKey, lifetimeSeconds: options.ttl, nowMs: Date.now(), claims: options.claim };
  if (options.kind === "client") {
    if (options.hub === undefined) return command.error("error: a client token needs --hub");
    return mintClientToken({
      ...request,
      endpoint: options.url ?? url,
      hub: options.hub,
      userId: options.user,
    });
  }
  if (options.url === undefined && options.path === undefined)
    return command.error("error: a REST token needs --path or --url");
  return mintRestToken({ ...request, url: options.url ?? `${url}${options.path}` });
}

function serviceOf(command: Command, { kind, connectionString }: TokenOptions): Service {
  if (connectionString !== undefined) {
    const { accessKey, clientBase, serverBase } = parseConnectionString(connectionString);
    return { accessKey, url: (kind === "client" ? clientBase : serverBase).replace(/\/$/, "") };
  }
  const config = configOf(command);
  const [accessKey = ""] = config.accessKeys;
  const { endpoint, port } = publicEndpoint(config);
  return { accessKey, url: `${endpoint}:${port}` };
}

function addClaim(text: string, before: Claims = {}): Claims {
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === "") throw new InvalidArgumentError("Write it as name=value.");
  if (SET_BY_US.includes(name))
    throw new InvalidArgumentError(`${name} follows from --ttl, --url, --path and --hub.`);
  const earlier = Object.hasOwn(before, name) ? (before[name] ?? []) : [];
  const all = [earlier, value].flat();
  return { ...before, [name]: all.length > 1 ? all : value };
}

function checkedHub(hub: string): string {
  if (!isHubName(hub))
    throw new InvalidArgumentError(
      "A hub's name is a letter and then at most 127 letters, digits and _`,.[]",
    );
  return hub;
}

function checkedUrl(url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new InvalidArgumentError("It must begin with http:// or https://.");
  return url;
}

function checkedPath(path: string): string {
  if (!path.startsWith("/")) throw new InvalidArgumentError("It must begin with /.");
  return path;
}

function checkedTtl(text: string): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > TEN_YEARS_SECONDS)
    throw new InvalidArgumentError(`It must be whole seconds from 1 to ${TEN_YEARS_SECONDS}.`);
  return seconds;
}
