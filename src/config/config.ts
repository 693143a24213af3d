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
  readonly cors: {
    /** `*` for any, or origins as browsers send them. */
    readonly allowedOrigins: readonly string[];
  };
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxHandshakeBytes: number;
    readonly maxBufferedBytes: number;
    readonly maxPendingConnections: number;
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
  };
  readonly upstream: {
    /** The first whose three patterns match an event is called. */
    readonly templates: readonly UpstreamTemplate[];
  };
}

export type ServiceMode = "auto" | "default" | "serverless";
export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
export type LogFormat = "auto" | "pretty" | "json";

/** One webhook, with the names of Azure Resource Manager and of the emulator, docs/spec/serverless-upstream.md §3.1. */
export interface UpstreamTemplate {
  /** May hold `{hub}`, `{category}` and `{event}`, and often a secret in its query: not for logs. */
  readonly UrlTemplate: string;
  /** `*`, a name, or names with commas; `null` matches nothing. */
  readonly HubPattern: string | null;
  readonly CategoryPattern: string | null;
  readonly EventPattern: string | null;
  readonly Auth?:
    | {
        readonly Type: "None" | "ManagedIdentity";
        readonly ManagedIdentity?: { readonly Resource?: string | undefined } | undefined;
      }
    | undefined;
}

/** Settings as an embedding program gives them: any part may be left out. */
export type ConfigOptions = PartialTree<Config>;

type PartialTree<Tree> = {
  readonly [Key in keyof Tree]?: Tree[Key] extends Leaf ? Tree[Key] | undefined : PartialTree<Tree[Key]>;
};

type Leaf = string | number | readonly unknown[] | undefined;
