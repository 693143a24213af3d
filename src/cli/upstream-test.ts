import { Command, InvalidArgumentError, Option } from "commander";
import { usableTemplates } from "../config/upstream-secrets.ts";
import { systemClock } from "../core/clock.ts";
import { hubName, isFullHubName } from "../core/hub-name.ts";
import { madeUpCall, type ProbeReport, probe } from "../upstream/probe.ts";
import { toldPatterns } from "../upstream/route.ts";
import { CommandError } from "./command-error.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

interface TestOptions {
  readonly event: string;
  readonly hub: string;
  readonly category?: "connections" | "messages";
  readonly user?: string;
  readonly claim: readonly (readonly [string, string])[];
  readonly protocol: "json" | "messagepack";
  readonly argument: readonly string[];
  readonly send?: true;
  readonly connectionId: string;
}

const MAX_SHOWN_BYTES = 4_096;

/** `hubwire upstream` */
export function upstreamCommand(): Command {
  return new Command("upstream")
    .description("try out the configured upstream webhooks")
    .addCommand(testCommand());
}

function testCommand(): Command {
  const command = new Command("test")
    .description(
      "send a signed event to the upstream that it matches, and show the request and the reply; ends with 0 if the upstream takes it, else with 1",
    )
    .requiredOption("--event <name>", "connected, disconnected, or what a client invokes")
    .requiredOption("--hub <hub>", "the client's hub, with an application as application_hub", checkedHub)
    .addOption(
      new Option(
        "--category <category>",
        "default: connections for connected and disconnected, else messages",
      ).choices(["connections", "messages"]),
    )
    .option("--user <id>", "the client's user id")
    .option("--claim <name=value>", "a claim of the client; repeatable", addClaim, [])
    .addOption(
      new Option("--protocol <protocol>", "the client's hub protocol")
        .choices(["json", "messagepack"])
        .default("json"),
    )
    .option("--argument <json>", "an argument of the invocation; repeatable", addArgument, [])
    .option("--send", "the client does not wait for a result")
    .option("--connection-id <id>", "the client's connection id", "hubwire-upstream-test")
    .addHelpText("after", EXAMPLES);
  return addConfigOptions(command, ["accessKeys"]).action(() => run(command));
}

const EXAMPLES = `
Examples:
  hubwire upstream test --hub chat --event connected --user ann --config hubwire.yaml
  hubwire upstream test --hub chat --event SendMessage --argument '"hello"' --config settings.json`;

async function run(command: Command): Promise<void> {
  const options = command.opts<TestOptions>();
  const { event, protocol, argument: args } = options;
  const { upstream, accessKeys, limits } = configOf(command);
  const { templates } = usableTemplates(upstream.templates, process.env);
  const hub = hubName(options.hub);
  const isComing = event === "connected" || event === "disconnected";
  const category = options.category ?? (isComing ? "connections" : "messages");
  const report = await probe({
    templates,
    accessKeys,
    subject: {
      connectionId: options.connectionId,
      hub,
      query: `?hub=${encodeURIComponent(hub)}`,
      identity: { userId: options.user, claims: options.claim },
    },
    call: madeUpCall({ hub, category, event }, { args, protocol, waits: options.send === undefined }),
    protocol,
    timeoutMs: upstream.timeoutSeconds * 1_000,
    maxReplyBytes: Math.min(upstream.maxReplyBytes, limits.maxBufferedBytes),
    clock: systemClock,
  });
  if (report.routes.length > 0) console.log(shown(report));
  if (report.sent === undefined)
    throw new CommandError(
      `no upstream template matches hub '${hub}', category '${category}' and event '${event}'; tried: ${toldPatterns(report.routes.map(({ route }) => route))}`,
    );
  const { failure, completion } = report.verdict ?? {};
  if (failure !== undefined) throw new CommandError(`the upstream did not take the event: ${failure.reason}`);
  console.log(completion === undefined ? "The upstream took the event." : "The client gets this result.");
}

function shown({ routes, sent, result }: ProbeReport): string {
  const matched = routes.findIndex(({ matches }) => matches);
  const lines = routes.map(({ route }, index) => {
    const verdict =
      index === matched ? "matches" : matched >= 0 && index > matched ? "is not tried" : "does not match";
    return `${toldPatterns([route])}: ${verdict}`;
  });
  if (sent !== undefined)
    lines.push("", `POST ${sent.url}`, ...headerLines(sent.headers), "", shownBody(sent.body));
  if (result === undefined || "outcome" in result) return lines.join("\n");
  const headers = Object.entries(result.headers).flatMap(([name, value]) => [name, String(value)]);
  return [...lines, "", `Answer ${result.status}`, ...headerLines(headers), "", shownBody(result.body)].join(
    "\n",
  );
}

function headerLines(headers: readonly string[]): string[] {
  return headers.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1] ?? ""}`] : []));
}

/** As text where it is text: a record separator as its picture, what a terminal would obey not at all. */
function shownBody(body: Buffer): string {
  const part = body.subarray(0, MAX_SHOWN_BYTES);
  const text = part.toString().replaceAll("\x1e", "␞");
  const isText = !/[\p{Cc}\ufffd]/u.test(text.replaceAll(/[\t\r\n]/g, ""));
  const more = body.length - part.length;
  return `${isText ? text : `(hex) ${part.toString("hex")}`}${more > 0 ? `… and ${more} bytes more` : ""}`;
}

function checkedHub(hub: string): string {
  if (!isFullHubName(hub))
    throw new InvalidArgumentError("A hub's name is a letter and then letters, digits and _`,.[]");
  return hub;
}

function addArgument(text: string, before: readonly string[]): readonly string[] {
  try {
    JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(`An argument is JSON: a text needs its quotes, like '"hello"'.`);
  }
  return [...before, text];
}

function addClaim(
  text: string,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === "") throw new InvalidArgumentError("Write it as name=value.");
  return [...before, [name, value]];
}
