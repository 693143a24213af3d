import { z } from "zod";
import type { TokenIssuer } from "./config.ts";
import { checkedText, jsonListOf, listOf, someOf, webUrl } from "./kinds.ts";

const A_MAP = "a map with issuer, jwksUrl, audiences, rolesClaim and roles";
const ROLES = "a map with owner, restOwner, reader and appServer";

const name = z.string({ error: "text" }).min(1, { error: "text" });

/** Azure's names, docs/spec/rest-api.md §2.4. */
const DEFAULT_ROLES: TokenIssuer["roles"] = {
  owner: ["SignalR Service Owner"],
  restOwner: ["SignalR REST API Owner"],
  reader: ["SignalR REST API Reader"],
  appServer: ["SignalR App Server"],
};

const tokenIssuer: z.ZodType<TokenIssuer> = z.strictObject(
  {
    issuer: webUrl(),
    jwksUrl: checkedText(
      "an absolute http:// or https:// URL without user and fragment",
      (text) => /^https?:\/\/[^@#\s]+$/i.test(text) && URL.canParse(text),
    ).optional(),
    audiences: someOf(name, "a list of at least one audience"),
    rolesClaim: name.default("roles"),
    roles: z
      .strictObject(
        {
          owner: namesOf("owner"),
          restOwner: namesOf("restOwner"),
          reader: namesOf("reader"),
          appServer: namesOf("appServer"),
        },
        { error: ROLES },
      )
      .default(DEFAULT_ROLES),
  },
  { error: A_MAP },
);

/** Issuers whose tokens are taken, none of them twice. */
export const tokenIssuers: z.ZodType<readonly TokenIssuer[]> = jsonListOf(
  tokenIssuer,
  "a list of issuers",
).refine((issuers) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length, {
  error: "a list in which each issuer is there once",
});

function namesOf(role: keyof TokenIssuer["roles"]): z.ZodType<readonly string[]> {
  return listOf(name, "a list of names of roles").default(DEFAULT_ROLES[role]);
}
