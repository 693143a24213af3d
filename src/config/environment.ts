import type { ConfigProblem } from "./config-error.ts";
import type { Given } from "./given.ts";
import { nearMiss } from "./near-miss.ts";
import { type Setting, settings } from "./schema.ts";

const PREFIX = "HUBWIRE_";

const settingNamed = new Map<string, Setting>(
  settings.flatMap((setting) =>
    [setting.env, setting.about.alsoEnv].flatMap((name) =>
      name === undefined ? [] : [[name, setting] as const],
    ),
  ),
);

/** What Kubernetes and Docker links put into the environment of a pod beside services called `hubwire` and `hubwire-metrics`. */
const SERVICE_LINK = /^HUBWIRE_(METRICS_)?(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))(_|$)/;

/** The settings in the environment. An empty variable counts as not there, as compose files leave them. */
export function givenInEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigProblem[],
): Given[] {
  const found = new Map<Setting, Given>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || !value || name === "HUBWIRE_CONFIG" || isServiceLink(name, value))
      continue;
    const setting = settingNamed.get(name);
    const other = setting && found.get(setting);
    if (!setting) problems.push({ path: name, message: unknownVariable(name) });
    else if (other) problems.push({ path: name, message: `${other.name} is set too; keep one of them` });
    else found.set(setting, { setting, value, name });
  }
  return [...found.values()];
}

function isServiceLink(name: string, value: string): boolean {
  return (
    SERVICE_LINK.test(name) || (/^HUBWIRE_(METRICS_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value))
  );
}

function unknownVariable(name: string): string {
  const meant = nearMiss(name, [...settingNamed.keys(), "HUBWIRE_CONFIG"]);
  return `no setting has this name${meant ? `; did you mean ${meant}?` : "; remove it"}`;
}
