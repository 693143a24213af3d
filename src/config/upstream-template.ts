import { z } from "zod";
import type { UpstreamAuth, UpstreamTemplate } from "./config.ts";
import { anyCase, checkedText, choice, isMap } from "./kinds.ts";

const A_MAP = "a map with UrlTemplate, HubPattern, CategoryPattern, EventPattern and Auth";
const AN_AUTH = "one of None, Headers, ClientCredentials";
const NOT_HERE = `${AN_AUTH} (ManagedIdentity is for services inside Azure; ClientCredentials gets a token with a client's id and secret, Headers sends a key)`;
const A_TEMPLATE =
  "an absolute http:// or https:// URL without user and password, which may hold {hub}, {category}, {event}, ${env:NAME} and ${file:PATH}";
const NO_KEY_VAULT =
  "usable outside of Azure: put the secret into an environment variable or a file, and ${env:NAME} or ${file:PATH} in the place of {@Microsoft.KeyVault(…)}";

/** `${env:NAME}` and `${file:PATH}`, which `upstream-secrets.ts` replaces; the capture is what is between the braces. */
export const REFERENCE: RegExp = /\$\{([^{}]*)\}/g;
const PLACEHOLDER = /\{(hub|category|event)\}/gi;
/** RFC 9110 §5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** Headers that are Hubwire's own or the connection's. */
const TAKEN_HEADER =
  /^(host|content-(length|type|encoding)|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|x-asrs-.*)$/i;

const pattern = z.string({ error: '"*", a name, or names with commas' }).nullable().default("*");

const text = z.string({ error: "text" }).min(1, { error: "text" });

const auth: z.ZodType<UpstreamAuth> = anyCase(
  ["Type", "ManagedIdentity", "Headers", "TokenUrl", "ClientId", "ClientSecret", "Scope"],
  z.discriminatedUnion(
    "Type",
    [
      z.strictObject(
        // Azure's own listing has the other member, as null.
        { Type: choice(["None"]), ManagedIdentity: z.null({ error: "absent" }).optional() },
        { error: "a map with Type alone" },
      ),
      z.strictObject(
        {
          Type: choice(["Headers"]),
          Headers: z.record(
            checkedText(
              "the name of a header that is not Hubwire's own",
              (name) => HEADER_NAME.test(name) && !TAKEN_HEADER.test(name),
            ),
            z.string({ error: "text" }),
            { error: "a map of headers" },
          ),
        },
        { error: "a map with Type and Headers" },
      ),
      z.strictObject(
        {
          Type: choice(["ClientCredentials"]),
          TokenUrl: checkedText("an absolute http:// or https:// URL", (url) => isUrl(url, false)),
          ClientId: text,
          ClientSecret: text,
          Scope: text.optional(),
        },
        { error: "a map with Type, TokenUrl, ClientId, ClientSecret and Scope" },
      ),
    ],
    { error: ({ input }) => (isMap(input) && input["Type"] === "ManagedIdentity" ? NOT_HERE : AN_AUTH) },
  ),
);

/** One webhook as Azure Resource Manager and the emulator's settings.json have it, with an `Auth` of our own. */
export const upstreamTemplate: z.ZodType<UpstreamTemplate> = anyCase(
  ["UrlTemplate", "HubPattern", "CategoryPattern", "EventPattern", "Auth"],
  z.strictObject(
    {
      UrlTemplate: z.string({ error: A_TEMPLATE }).refine((url) => isUrl(url, true), {
        error: ({ input }) => (/\{@Microsoft\.KeyVault/i.test(String(input)) ? NO_KEY_VAULT : A_TEMPLATE),
      }),
      HubPattern: pattern,
      CategoryPattern: pattern,
      EventPattern: pattern,
      Auth: auth.nullish(),
    },
    { error: A_MAP },
  ),
);

/** What stands for a reference can only be judged once it is known; until then it may be anything. */
function isUrl(text: string, mayHavePlaceholders: boolean): boolean {
  const known = text.replaceAll(REFERENCE, "x");
  const filled = mayHavePlaceholders ? known.replaceAll(PLACEHOLDER, "x") : known;
  return !/[{}]/.test(filled) && (text.startsWith("${") || isAbsoluteUrl(filled));
}

/** Whether the text, once its placeholders are filled, can be the address of a request. */
export function isAbsoluteUrl(text: string): boolean {
  const url = URL.parse(text.replaceAll(PLACEHOLDER, "x"));
  return /^https?:\/\//i.test(text) && url !== null && url.username === "" && url.password === "";
}
