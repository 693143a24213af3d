import { isIPv6 } from "node:net";
import type { Config } from "./config.ts";

/** Addresses that mean "every interface": nobody can connect to them by that name. */
const EVERY_INTERFACE = ["0.0.0.0", "::"];

/**
 * Under which address clients and callers reach the service: `publicUrl`, else where it listens.
 * @returns `endpoint` as in a connection string: scheme and host, and the path of `publicUrl`, without the port
 */
export function publicEndpoint({ publicUrl, host, port }: Pick<Config, "publicUrl" | "host" | "port">): {
  readonly endpoint: string;
  readonly port: number;
} {
  if (publicUrl !== undefined) {
    const url = new URL(publicUrl);
    const path = url.pathname === "/" ? "" : url.pathname;
    const defaultPort = url.protocol === "https:" ? 443 : 80;
    return { endpoint: `${url.protocol}//${url.hostname}${path}`, port: Number(url.port) || defaultPort };
  }
  const name = EVERY_INTERFACE.includes(host) ? "localhost" : host;
  return { endpoint: `http://${isIPv6(name) ? `[${name}]` : name}`, port };
}
