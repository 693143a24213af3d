/** A connection string that breaks the rules; the message names the key and says what would be right, never an access key. */
export class ConnectionStringError extends Error {
  override readonly name = "ConnectionStringError";
}

/** What a connection string says, docs/spec/service-protocol.md §1.1 and §1.2. */
export interface ConnectionString {
  /** Signs tokens as the UTF-8 bytes of this very text; never base64-decoded. */
  readonly accessKey: string;
  /** `{scheme}://{host}/` of `Endpoint`: what the audience of a token starts with. Never has a port. */
  readonly audienceBase: string;
  /** Where clients connect (`ClientEndpoint`, else `Endpoint` with `Port`); ends with `/`. */
  readonly clientBase: string;
  /** Where REST calls and server connections go (`ServerEndpoint`, else `Endpoint` with `Port`); ends with `/`. */
  readonly serverBase: string;
}

const VERSION = /^1\.\d+(?:[\w\-.]+)?$/;
const ENTRA_AUTH_TYPES = ["aad", "azure", "azure.app", "azure.msi"];

/**
 * Reads `Endpoint=…;AccessKey=…;Version=1.0;…` by the rules of Azure's SDKs: keys in any letter case, values up to the
 * next `;` and trimmed, pairs without `=` and unknown keys ignored.
 * @throws {ConnectionStringError}
 */
export function parseConnectionString(text: string): ConnectionString {
  const values = readPairs(text);
  const endpoint = readUrl(values, "Endpoint");
  if (!endpoint) throw new ConnectionStringError("Endpoint is missing: add Endpoint=http://localhost;");
  const accessKey = values.get("accesskey");
  if (!accessKey) throw new ConnectionStringError(accessKeyProblem(values.get("authtype")));
  const version = values.get("version");
  if (version !== undefined && !VERSION.test(version))
    throw new ConnectionStringError("Version is not supported: it must be 1.0, or another 1.x");
  const audienceBase = `${endpoint.protocol}//${endpoint.hostname}/`;
  applyPort(endpoint, values.get("port"));
  return {
    accessKey,
    audienceBase,
    clientBase: baseOf(readUrl(values, "ClientEndpoint") ?? endpoint),
    serverBase: baseOf(readUrl(values, "ServerEndpoint") ?? endpoint),
  };
}

/**
 * Writes the connection string of a service at `endpoint` (scheme and host) and `port`.
 * @throws {ConnectionStringError} when the access key cannot be written so that it is read back as it is
 */
export function formatConnectionString(service: {
  readonly endpoint: string;
  readonly port: number;
  readonly accessKey: string;
}): string {
  const { endpoint, port, accessKey } = service;
  if (accessKey === "" || accessKey.includes(";") || accessKey.trim() !== accessKey)
    throw new ConnectionStringError(
      "AccessKey cannot be written: it must not be empty, contain a semicolon, or begin or end with a space",
    );
  return `Endpoint=${endpoint};Port=${port};AccessKey=${accessKey};Version=1.0;`;
}

function readPairs(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const pair of text.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const key = pair.slice(0, equals).trim();
    if (values.has(key.toLowerCase())) throw new ConnectionStringError(`${key} is there twice: give it once`);
    values.set(key.toLowerCase(), pair.slice(equals + 1).trim());
  }
  return values;
}

function readUrl(values: ReadonlyMap<string, string>, key: string): URL | undefined {
  const text = values.get(key.toLowerCase());
  if (text === undefined) return undefined;
  // URL alone would also take "http:host" and "http:/host".
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new ConnectionStringError(
      `${key} is not a URL: it must be an absolute http:// or https:// URL, like http://localhost:8888`,
    );
  return new URL(text);
}

function applyPort(endpoint: URL, port: string | undefined): void {
  if (port === undefined) return;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new ConnectionStringError("Port is not a port: it must be a whole number from 1 to 65535");
  endpoint.port = port;
}

function accessKeyProblem(authType: string | undefined): string {
  return authType !== undefined && ENTRA_AUTH_TYPES.includes(authType.toLowerCase())
    ? "AuthType asks for Microsoft Entra ID, but only an access key can sign tokens here: remove AuthType and add AccessKey=…;"
    : "AccessKey is missing: add AccessKey=…;";
}

function baseOf(url: URL): string {
  return `${url.origin}${url.pathname}${url.pathname.endsWith("/") ? "" : "/"}`;
}
