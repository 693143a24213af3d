import { z } from "zod";
import type { Config } from "./config.ts";
import {
  checkedText,
  choice,
  folder,
  hostName,
  jsonListOf,
  listOf,
  seconds,
  someOf,
  webUrl,
  wholeNumber,
  yesOrNo,
} from "./kinds.ts";
import { tokenIssuers } from "./token-issuer.ts";
import { upstreamTemplate } from "./upstream-template.ts";

/** One setting: everything that is known about it. */
export interface Setting {
  /** Its place in a file: `limits.maxMessageBytes`. */
  readonly path: string;
  /** Its name in the environment: `HUBWIRE_LIMITS_MAX_MESSAGE_BYTES`. */
  readonly env: string;
  readonly schema: z.ZodType;
  readonly about: About;
}

interface About {
  /** One line, with the unit where there is one. */
  readonly doc: string;
  /** What its value may be, for the documentation. */
  readonly takes: string;
  /** Absent: the setting has none and may be left out. */
  readonly default?: unknown;
  /** Its value never appears in a message. */
  readonly secret?: true;
  /** A second name in the environment: that of its flag. */
  readonly alsoEnv?: string;
  /** Its flag of `hubwire start`, where it has one. */
  readonly flag?: string;
}

/** The access key of Microsoft's emulator: known to everyone, so that existing samples work. */
export const DEVELOPMENT_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

const about = z.registry<About>();

/** The one table of settings. */
const shape = {
  port: setting(wholeNumber(0, 65_535), {
    doc: "Port to listen on; 0 takes any free one, which is printed.",
    takes: "0 to 65535",
    default: 8888,
    flag: "--port",
  }),
  host: setting(hostName(), {
    doc: "Address to listen on. `localhost` is reachable from this machine only, `0.0.0.0` from everywhere.",
    takes: "host name or IP address",
    default: "localhost",
    flag: "--host",
  }),
  accessKeys: setting(someOf(accessKey(), "a list of at least one access key"), {
    doc: "Keys that tokens may be signed with. Connection strings carry the first. The default is public: change it wherever others reach the service.",
    takes: "list of keys of 16 or more characters",
    default: [DEVELOPMENT_KEY],
    secret: true,
    flag: "--access-key",
    alsoEnv: "HUBWIRE_ACCESS_KEY",
  }),
  mode: setting(choice(["auto", "default", "serverless"]), {
    doc: "Who answers clients: app servers (`default`: clients of a hub without any are refused), webhooks (`serverless`), or whichever a hub has (`auto`).",
    takes: "auto, default, serverless",
    default: "auto",
    flag: "--mode",
  }),
  dataDir: setting(folder(), {
    doc: "Folder of what must outlive the process: which users are in which groups. Made if it is missing.",
    takes: "path",
    default: ".hubwire",
    flag: "--data-dir",
  }),
  logLevel: setting(choice(["fatal", "error", "warn", "info", "debug", "trace", "silent"]), {
    doc: "Least severe level that is logged.",
    takes: "fatal, error, warn, info, debug, trace, silent",
    default: "info",
    flag: "--log-level",
  }),
  logFormat: setting(choice(["auto", "pretty", "json"]), {
    doc: "Form of the log; `auto` is `pretty` on a terminal and `json` otherwise.",
    takes: "auto, pretty, json",
    default: "auto",
  }),
  publicUrl: setting(webUrl().optional(), {
    doc: "Where clients and callers reach the service when that is not where it listens, as behind a proxy; the endpoint of printed connection strings.",
    takes: "http or https URL",
    default: undefined,
  }),
  shutdownGraceSeconds: setting(seconds(0), {
    doc: "Seconds from SIGTERM or Ctrl-C within which clients are closed and the process ends. Keep it below what the supervisor allows (Kubernetes 30, Docker 10).",
    takes: "0 to 86400",
    default: 25,
  }),
  metrics: z.strictObject({
    port: setting(wholeNumber(0, 65_535).optional(), {
      doc: "Port to serve metrics on, see [metrics.md](metrics.md); 0 takes any free one, which is printed. Left out: there are no metrics.",
      takes: "0 to 65535",
      default: undefined,
      flag: "--metrics-port",
    }),
    host: setting(hostName(), {
      doc: "Address to serve metrics on, to everyone who reaches it: they ask for no token. `0.0.0.0` is reachable from everywhere.",
      takes: "host name or IP address",
      default: "localhost",
    }),
    maxHubs: setting(wholeNumber(0, 1_000_000), {
      doc: "Hubs that metrics tell apart, the first that have clients; the others count together.",
      takes: "0 or more",
      default: 1_000,
    }),
  }),
  cors: z.strictObject({
    allowedOrigins: setting(listOf(origin(), "a list of origins"), {
      doc: "Web origins whose pages may connect; `*` is any, an empty list none.",
      takes: "list of origins like https://app.example.com",
      default: ["*"],
    }),
  }),
  limits: z.strictObject({
    maxMessageBytes: setting(bytes(128), {
      doc: "Largest hub message from a client, in bytes; a larger one closes the client.",
      takes: "128 or more",
      default: 1_048_576,
    }),
    maxRelayedMessageBytes: setting(bytes(128), {
      doc: "Largest hub message from a client to its app server, in bytes; a larger one closes the client. The app server has a limit of its own (`MaximumReceiveMessageSize`).",
      takes: "128 or more",
      default: 16_777_216,
    }),
    maxServiceMessageBytes: setting(bytes(1024), {
      doc: "Largest message from an app server, in bytes; a larger one closes the server connection.",
      takes: "1024 or more",
      default: 67_108_864,
    }),
    maxServerBufferedBytes: setting(bytes(1024), {
      doc: "Bytes that may wait for one slow server connection; above it that is closed, with its clients. Above an eighth of it its clients are read no further.",
      takes: "1024 or more",
      default: 67_108_864,
    }),
    maxServerConnections: setting(wholeNumber(0, 1_000_000), {
      doc: "Server connections of all hubs together; above it further ones are refused with 429.",
      takes: "0 or more",
      default: 10_000,
    }),
    maxHandshakeBytes: setting(bytes(128), {
      doc: "Largest handshake from a client, in bytes.",
      takes: "128 or more",
      default: 32_768,
    }),
    maxBufferedBytes: setting(bytes(1024), {
      doc: "Bytes that may wait for one slow client; above it that client is closed.",
      takes: "1024 or more",
      default: 8_388_608,
    }),
    maxPendingConnections: setting(wholeNumber(1, 100_000_000), {
      doc: "Connections that may be negotiated or open without a finished handshake; above it new ones get 429.",
      takes: "1 or more",
      default: 100_000,
    }),
    maxPendingInvocations: setting(wholeNumber(1, 100_000_000), {
      doc: "Invocations of clients' methods (`:invoke`) that may wait for their results; above it further ones get 503.",
      takes: "1 or more",
      default: 100_000,
    }),
    maxRequestBodyBytes: setting(bytes(1024), {
      doc: "Largest body of a request, in bytes; a larger one gets 413.",
      takes: "1024 or more",
      default: 1_048_576,
    }),
    maxHeaderBytes: setting(bytes(1024), {
      doc: "Largest headers of a request, in bytes; larger ones get 431.",
      takes: "1024 or more",
      default: 16_384,
    }),
    maxUrlBytes: setting(bytes(256), {
      doc: "Longest path and query of a request, in bytes; a longer one gets 414.",
      takes: "256 or more",
      default: 12_288,
    }),
    statefulReconnectBufferBytes: setting(bytes(1024), {
      doc: "Bytes kept for a client with stateful reconnect until it acknowledges them.",
      takes: "1024 or more",
      default: 100_000,
    }),
  }),
  timeouts: z.strictObject({
    handshakeSeconds: timeout(15, "Seconds a new connection has to finish the handshake."),
    keepAliveSeconds: timeout(15, "Seconds without a message to a client after which it is sent a ping."),
    clientSeconds: timeout(30, "Seconds of silence after which a client that sends pings is closed."),
    disconnectSeconds: timeout(
      15,
      "Seconds from negotiate to the first connect, and from a lost socket to its reconnect (stateful reconnect).",
    ),
    pollIdleSeconds: timeout(
      15,
      "Seconds between two long polls after which the client is gone; a token can set its own.",
    ),
    pollSeconds: timeout(90, "Seconds after which a long poll with nothing to tell is answered."),
    webSocketCloseSeconds: timeout(5, "Seconds a client has to answer a WebSocket close."),
    sendSeconds: timeout(10, "Seconds a client's socket may take nothing of what is sent."),
    clientResultSeconds: timeout(
      90,
      "Seconds a client has to answer an invocation (`:invoke`); checked once a second. The .NET SDK itself gives up after 100.",
    ),
    serverPingSeconds: timeout(5, "Seconds between two pings to an app server."),
    serverSeconds: timeout(
      30,
      "Seconds of silence after which a server connection is closed, with its clients.",
    ),
    serverResultSeconds: timeout(
      600,
      "Seconds a client has to answer an invocation of an app server, which may give up before.",
    ),
  }),
  auth: z.strictObject({
    issuers: setting(tokenIssuers, {
      doc: "OpenID Connect issuers, Entra ID for one, whose tokens callers of REST may use instead of access keys: `issuer`, `audiences`, `jwksUrl`, `rolesClaim`, `roles`, see [authentication.md](authentication.md). In the environment: a JSON list.",
      takes: "list of issuers",
      default: [],
    }),
  }),
  upstream: z.strictObject({
    templates: setting(jsonListOf(upstreamTemplate, "a list of templates"), {
      doc: "Webhooks in order, the first match is called: `UrlTemplate`, `HubPattern`, `CategoryPattern`, `EventPattern`, `Auth`, see [upstream.md](upstream.md). Read again when the file changes. In the environment: a JSON list.",
      takes: "list of templates",
      default: [],
      secret: true,
    }),
    timeoutSeconds: timeout(100, "Seconds a call to a webhook may take; checked once a second."),
    maxInFlight: setting(wholeNumber(1, 10_000), {
      doc: "Calls under way at once, for each template.",
      takes: "1 to 10000",
      default: 512,
    }),
    maxWaiting: setting(wholeNumber(0, 10_000_000), {
      doc: "Clients whose next call waits while `maxInFlight` are under way, for each template; above it calls are refused as too busy.",
      takes: "0 or more",
      default: 100_000,
    }),
    maxClientMessages: setting(wholeNumber(0, 1_000_000), {
      doc: "Messages of one client that wait behind its call under way; further ones are refused as too busy.",
      takes: "0 or more",
      default: 1_000,
    }),
    maxClientBytes: setting(bytes(0), {
      doc: "Bytes of one client that wait behind its call under way; one message may always wait.",
      takes: "0 or more",
      default: 4_194_304,
    }),
    maxQueuedBytes: setting(bytes(1024), {
      doc: "Bytes of all messages that wait or are under way, replies included; beyond it messages are refused as too busy.",
      takes: "1024 or more",
      default: 268_435_456,
    }),
    maxReplyBytes: setting(bytes(128), {
      doc: "Largest reply of a webhook, in bytes; a client that waits for a larger one gets an error. Never more than `limits.maxBufferedBytes`.",
      takes: "128 or more",
      default: 16_777_216,
    }),
    retries: setting(wholeNumber(0, 10), {
      doc: "How often `connected` and `disconnected` are sent again when the webhook cannot be reached, takes too long, or answers 429 or 5xx. After 1, 2, 4, … seconds.",
      takes: "0 to 10",
      default: 0,
    }),
    rejectOnConnectedFailure: setting(yesOrNo(), {
      doc: "Whether a client is closed when the call of its `connected` fails.",
      takes: "true, false",
      default: false,
    }),
  }),
};

/** Checks a whole configuration. */
export const configSchema: z.ZodType<Config> = z.strictObject(shape);

/** All settings in the order of the documentation. */
export const settings: readonly Setting[] = settingsIn(shape, "");

function settingsIn(section: Readonly<Record<string, z.ZodType>>, prefix: string): Setting[] {
  return Object.entries(section).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`;
    if (schema instanceof z.ZodObject) return settingsIn(schema.shape, `${path}.`);
    const told = about.get(schema);
    if (!told) throw new Error(`the setting ${path} was not made with setting()`);
    return [{ path, env: environmentName(path), schema, about: told }];
  });
}

/** `limits.maxMessageBytes` → `HUBWIRE_LIMITS_MAX_MESSAGE_BYTES`. */
function environmentName(path: string): string {
  const words = path.replaceAll(".", "_").replaceAll(/[A-Z]/g, (letter) => `_${letter}`);
  return `HUBWIRE_${words.toUpperCase()}`;
}

function setting<Value>(
  schema: z.ZodType<Value>,
  told: About & { readonly default: NoInfer<Value> },
): z.ZodType<Value> {
  return schema.register(about, told);
}

/** 1 GiB keeps every size far below what a Buffer can hold. */
function bytes(min: number): z.ZodType<number> {
  return wholeNumber(min, 1_073_741_824);
}

function timeout(defaultSeconds: number, doc: string): z.ZodType<number> {
  return setting(seconds(0.01), { doc, takes: "0.01 to 86400", default: defaultSeconds });
}

/** What a connection string and a list with commas can carry. */
function accessKey(): z.ZodType<string> {
  return checkedText(
    "an access key: 16 or more printable ASCII characters without space, comma and semicolon",
    (key) => /^[!-+\--:<-~]{16,}$/.test(key),
  );
}

function origin(): z.ZodType<string> {
  return checkedText(
    'an origin: "*", or scheme and host like https://app.example.com without a path',
    (text) => /^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+)$/i.test(text),
  );
}
