/** Everything that can be set, complete and checked. docs/configuration.md says what each setting means. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** At least one; the first signs what Hubwire itself issues, all are accepted. */
  readonly accessKeys: readonly string[];
  readonly mode: ServiceMode;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Absent: clients reach the service where it listens. */
  readonly publicUrl?: string | undefined;
  readonly shutdownGraceSeconds: number;
  readonly metrics: {
    /** Absent: there are no metrics. 0: any free port. */
    readonly port?: number | undefined;
    readonly host: string;
    readonly maxHubs: number;
  };
  readonly cors: {
    /** `*` for any, or origins as browsers send them. */
    readonly allowedOrigins: readonly string[];
  };
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxRelayedMessageBytes: number;
    readonly maxServiceMessageBytes: number;
    readonly maxServerBufferedBytes: number;
    readonly maxServerConnections: number;
    readonly maxHandshakeBytes: number;
    readonly maxBufferedBytes: number;
    readonly maxPendingConnections: number;
    readonly maxPendingInvocations: number;
    readonly maxRequestBodyBytes: number;
    readonly maxHeaderBytes: number;
    readonly maxUrlBytes: number;
    readonly statefulReconnectBufferBytes: number;
  };
  readonly timeouts: {
    readonly handshakeSeconds: number;
    readonly keepAliveSeconds: number;
    readonly clientSeconds: number;
    readonly disconnectSeconds: number;
    readonly pollIdleSeconds: number;
    readonly pollSeconds: number;
    readonly webSocketCloseSeconds: number;
    readonly sendSeconds: number;
    readonly clientResultSeconds: number;
    readonly serverPingSeconds: number;
    readonly serverSeconds: number;
    readonly serverResultSeconds: number;
  };
  readonly auth: {
    /** Whose tokens are taken from callers of REST, beside those that access keys sign; none of them twice. */
    readonly issuers: readonly TokenIssuer[];
  };
  readonly upstream: {
    /** The first whose three patterns match an event is called. Secrets are still references here. */
    readonly templates: readonly UpstreamTemplate[];
    readonly timeoutSeconds: number;
    readonly maxInFlight: number;
    readonly maxWaiting: number;
    readonly maxClientMessages: number;
    readonly maxClientBytes: number;
    readonly maxQueuedBytes: number;
    readonly maxReplyBytes: number;
    readonly retries: number;
    readonly rejectOnConnectedFailure: boolean;
  };
}

export type ServiceMode = "auto" | "default" | "serverless";
export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
export type LogFormat = "auto" | "pretty" | "json";

/**
 * One webhook, with the names of Azure Resource Manager and of the emulator, docs/spec/serverless-upstream.md §3.1.
 * Every text of the URL and of `Auth` may hold `${env:NAME}` and `${file:PATH}`.
 */
export interface UpstreamTemplate {
  /** May hold `{hub}`, `{category}` and `{event}`, and often a secret in its query: not for logs. */
  readonly UrlTemplate: string;
  /** `*`, a name, or names with commas; `null` matches nothing. */
  readonly HubPattern: string | null;
  readonly CategoryPattern: string | null;
  readonly EventPattern: string | null;
  readonly Auth?: UpstreamAuth | null | undefined;
}

/** What a webhook knows Hubwire by, besides the signature. */
export type UpstreamAuth =
  | { readonly Type: "None"; readonly ManagedIdentity?: null | undefined }
  | { readonly Type: "Headers"; readonly Headers: Readonly<Record<string, string>> }
  | {
      /** OAuth 2.0 client credentials, RFC 6749 §4.4. */
      readonly Type: "ClientCredentials";
      readonly TokenUrl: string;
      readonly ClientId: string;
      readonly ClientSecret: string;
      readonly Scope?: string | undefined;
    };

/** An OpenID Connect issuer, Entra ID or any other. */
export interface TokenIssuer {
  /** What `iss` is in its tokens, to the letter. */
  readonly issuer: string;
  /** Its JSON Web Key Set; absent: the one that its discovery document names. */
  readonly jwksUrl?: string | undefined;
  /** What `aud` may be; at least one. */
  readonly audiences: readonly string[];
  /** The claim with the roles of the caller. */
  readonly rolesClaim: string;
  /** What each role is called in its tokens. */
  readonly roles: Readonly<Record<"owner" | "restOwner" | "reader" | "appServer", readonly string[]>>;
}

/** Settings as an embedding program gives them: any part may be left out. */
export type ConfigOptions = PartialTree<Omit<Config, "auth" | "upstream">> & {
  readonly auth?: { readonly issuers?: readonly TokenIssuerOptions[] | undefined };
  readonly upstream?: PartialTree<Omit<Config["upstream"], "templates">> & {
    readonly templates?: readonly UpstreamTemplateOptions[] | undefined;
  };
};

type TokenIssuerOptions = Pick<TokenIssuer, "issuer" | "audiences"> & PartialTree<TokenIssuer>;
type UpstreamTemplateOptions = Pick<UpstreamTemplate, "UrlTemplate"> & Partial<UpstreamTemplate>;

type PartialTree<Tree> = {
  readonly [Key in keyof Tree]?: Tree[Key] extends Leaf ? Tree[Key] | undefined : PartialTree<Tree[Key]>;
};

type Leaf = string | number | boolean | readonly unknown[] | undefined;
