import { hubJson } from "./hub-json.ts";
import { hubMessagePack } from "./hub-messagepack.ts";
import type { HubProtocol, HubProtocolName } from "./hub-protocol.ts";

/** The hub protocols that the service speaks. */
export const hubProtocols: Readonly<Record<HubProtocolName, HubProtocol>> = {
  json: hubJson,
  messagepack: hubMessagePack,
  blazorpack: { ...hubMessagePack, name: "blazorpack" },
};

/** The hub protocol of this name, which may be in any letter case, as with ASP.NET; `undefined` for others. */
export function hubProtocolNamed(name: string): HubProtocol | undefined {
  const lowerCase = name.toLowerCase();
  return Object.hasOwn(hubProtocols, lowerCase) ? hubProtocols[lowerCase as HubProtocolName] : undefined;
}
