import {
  constants,
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { OidcIssuer } from "../../src/auth/oidc-verifier.ts";

export const AUDIENCE = "https://signalr.azure.com";

type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "ES256" | "ES384" | "ES512";

/** A key of an issuer, and what it publishes of it. */
export interface IssuerKey {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JsonWebKey;
}

/** Makes a key. Entra ID's say what they are for (`use`), but not their algorithm. */
export function issuerKey(alg: Algorithm, kid: string, rsaBits = 2048): IssuerKey {
  const curve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[alg as string];
  const { privateKey, publicKey } =
    curve === undefined
      ? generateKeyPairSync("rsa", { modulusLength: rsaBits })
      : generateKeyPairSync("ec", { namedCurve: curve });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, use: "sig" };
  return { alg, kid, privateKey, publicKey, jwk };
}

/** Signs a token with node:crypto alone, so that it may be wrong in every way. */
export function issuerToken(key: IssuerKey, claims: object, header: object = {}): string {
  const { alg, kid, privateKey } = key;
  const input = `${base64url({ typ: "JWT", alg, kid, ...header })}.${base64url(claims)}`;
  const signature = sign(`sha${alg.slice(2)}`, Buffer.from(input), {
    key: privateKey,
    dsaEncoding: "ieee-p1363",
    ...(alg.startsWith("PS") && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  });
  return `${input}.${signature.toString("base64url")}`;
}

/** A token that is signed with HMAC, as those of access keys are. */
export function hmacToken(secret: string | Buffer, claims: object, header: object = {}): string {
  const input = `${base64url({ alg: "HS256", typ: "JWT", ...header })}.${base64url(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** An OpenID Connect issuer on a free port of this machine: its discovery document and its key set. */
export class TestIssuer implements AsyncDisposable {
  /** The paths that were asked for. */
  readonly requests: string[] = [];
  readonly keys: IssuerKey[];
  /** Answers in place of the issuer, to be down or wrong. */
  instead: ((path: string, response: ServerResponse) => void) | undefined;
  readonly #server = createServer(({ url = "" }, response) => {
    this.requests.push(url);
    if (this.instead !== undefined) return this.instead(url, response);
    const document =
      url === "/keys"
        ? { keys: this.keys.map(({ jwk }) => jwk) }
        : { issuer: this.url, jwks_uri: `${this.url}/keys` };
    response.end(JSON.stringify(document));
  });

  private constructor(keys: readonly IssuerKey[]) {
    this.keys = [...keys];
  }

  static async start(...keys: IssuerKey[]): Promise<TestIssuer> {
    const issuer = new TestIssuer(keys);
    await once(issuer.#server.listen(0, "127.0.0.1"), "listening");
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often its keys were fetched. */
  get fetches(): number {
    return this.requests.filter((path) => path === "/keys").length;
  }

  /** What a service that trusts it is configured with. */
  get options(): OidcIssuer {
    return {
      issuer: this.url,
      audiences: [AUDIENCE],
      rolesClaim: "roles",
      roles: {
        owner: ["SignalR Service Owner"],
        restOwner: ["SignalR REST API Owner"],
        reader: ["SignalR REST API Reader"],
        appServer: ["SignalR App Server"],
      },
    };
  }

  /** The claims of a good token, from 10 minutes ago for an hour. */
  claims(nowMs: number, roles: readonly string[] = ["SignalR Service Owner"]): Record<string, unknown> {
    const nbf = Math.floor(nowMs / 1000) - 600;
    return { iss: this.url, aud: AUDIENCE, iat: nbf, nbf, exp: nbf + 3600, oid: "caller", roles };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
