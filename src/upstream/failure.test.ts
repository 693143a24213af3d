import assert from "node:assert/strict";
import { test } from "node:test";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { errors } from "undici";
import { networkReason } from "./failure.ts";

const HOST = "planted-secret.example";
const certificate = { subject: { CN: "other.example" }, subjectaltname: "DNS:other.example" };

for (const [what, error, reason] of [
  [
    "of several addresses the first",
    new AggregateError([
      Object.assign(new Error(`connect ECONNREFUSED ${HOST}:1`), {
        code: "ECONNREFUSED",
        syscall: "connect",
        address: HOST,
      }),
    ]),
    "connect ECONNREFUSED",
  ],
  [
    "a name that nobody knows",
    Object.assign(new Error(`getaddrinfo ENOTFOUND ${HOST}`), {
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
      hostname: HOST,
    }),
    "getaddrinfo ENOTFOUND",
  ],
  [
    "a connection that takes too long",
    new errors.ConnectTimeoutError(
      `Connect Timeout Error (attempted address: ${HOST}:443, timeout: 10000ms)`,
    ),
    "no connection was made in time",
  ],
  [
    "another's certificate",
    checkServerIdentity(HOST, certificate as PeerCertificate),
    "its certificate is for another host",
  ],
  ["anything else", new Error("self-signed certificate"), "self-signed certificate"],
] as const)
  test(`the reason of a failure does not tell the host: ${what}`, () => {
    assert.equal(networkReason(error), reason);
  });
