const NAME = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;
const FULL_NAME = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,256}$/;

/** Whether the text may be the name of a hub or of an application, rest-api.md §1.1. */
export function isHubName(text: string): boolean {
  return NAME.test(text);
}

/** The name under which everything in the service knows a hub: `[application_]hub`, lower-case. */
export function hubName(hub: string, application?: string): string {
  return (application ? `${application}_${hub}` : hub).toLowerCase();
}

/** Whether the text may be a name that `hubName` makes: a hub's, or an application's and a hub's. */
export function isFullHubName(text: string): boolean {
  return FULL_NAME.test(text);
}
