import { z } from "zod";
import type { UpstreamTemplate } from "./config.ts";
import { anyCase, checkedText, choice } from "./kinds.ts";

const A_MAP = "a map with UrlTemplate, HubPattern, CategoryPattern, EventPattern and Auth";
const AN_AUTH = "a map with Type and ManagedIdentity";

const pattern = z.string({ error: '"*", a name, or names with commas' }).nullable().default("*");

const auth = anyCase(
  ["Type", "ManagedIdentity"],
  z.strictObject(
    {
      Type: choice(["None", "ManagedIdentity"]),
      ManagedIdentity: anyCase(
        ["Resource"],
        z.strictObject(
          { Resource: z.string({ error: "text" }).optional() },
          { error: "a map with Resource" },
        ),
      ).optional(),
    },
    { error: AN_AUTH },
  ),
);

/** One webhook as Azure Resource Manager and the emulator's settings.json have it. */
export const upstreamTemplate: z.ZodType<UpstreamTemplate> = anyCase(
  ["UrlTemplate", "HubPattern", "CategoryPattern", "EventPattern", "Auth"],
  z.strictObject(
    {
      UrlTemplate: checkedText(
        "an absolute http:// or https:// URL, which may hold {hub}, {category} and {event}",
        isUrlTemplate,
      ),
      HubPattern: pattern,
      CategoryPattern: pattern,
      EventPattern: pattern,
      Auth: auth.optional(),
    },
    { error: A_MAP },
  ),
);

function isUrlTemplate(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text.replaceAll(/\{[^{}]*\}/g, "x"));
}
