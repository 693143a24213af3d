import { readHandshakeRequest } from "../protocol/handshake.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { type HubCodec, hubCodecs } from "./hub-codec.ts";
import type { Settings } from "./settings.ts";

const HIGHEST_VERSION = 2;

/**
 * What a client's handshake request asks for, or why it is refused: with ASP.NET's texts, docs/spec/client-endpoint.md §3.2.
 * @param end index of its record separator
 */
export function readClientHandshake(
  bytes: Buffer,
  start: number,
  end: number,
  { protocols, detailedErrors }: Pick<Settings, "protocols" | "detailedErrors">,
): HubCodec | { readonly refused: string } {
  try {
    const { protocol, version } = readHandshakeRequest(bytes, start, end);
    const name = protocols.find((spoken) => spoken === protocol.toLowerCase());
    if (name === undefined) return { refused: `The protocol '${protocol}' is not supported.` };
    if (version <= HIGHEST_VERSION) return hubCodecs[name];
    return { refused: `The server does not support version ${version} of the '${name}' protocol.` };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const text = "An unexpected error occurred during connection handshake.";
    return { refused: detailedErrors ? `${text} ${error.message}` : text };
  }
}
