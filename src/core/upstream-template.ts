/** One webhook, ready for use. Its `url` and `auth` hold secrets: neither is for logs; `shown…` is the same as it was configured. */
export interface Template {
  /** May hold `{hub}`, `{category}` and `{event}`. */
  readonly url: string;
  readonly shownUrl: string;
  /** `*`, a name, or names with commas; `null` matches nothing. */
  readonly hubs: string | null;
  readonly categories: string | null;
  readonly events: string | null;
  readonly auth: TemplateAuth;
}

/** What a webhook knows the service by, besides the signature. */
export type TemplateAuth =
  | { readonly type: "none" }
  | {
      readonly type: "headers";
      readonly headers: readonly {
        readonly name: string;
        readonly value: string;
        readonly shownValue: string;
      }[];
    }
  | ({ readonly type: "clientCredentials" } & ClientCredentials);

/** OAuth 2.0 client credentials, RFC 6749 §4.4. */
export interface ClientCredentials {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
}
