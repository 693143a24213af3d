import assert from "node:assert/strict";
import { test } from "node:test";
import { publicEndpoint } from "./public-endpoint.ts";

for (const [config, endpoint, port] of [
  [{ host: "localhost", port: 8888 }, "http://localhost", 8888],
  [{ host: "0.0.0.0", port: 80 }, "http://localhost", 80],
  [{ host: "::", port: 80 }, "http://localhost", 80],
  [{ host: "::1", port: 80 }, "http://[::1]", 80],
  [{ host: "10.0.0.1", port: 80 }, "http://10.0.0.1", 80],
  [{ host: "::", port: 80, publicUrl: "https://a.example" }, "https://a.example", 443],
  [{ host: "::", port: 80, publicUrl: "http://a.example/signalr/" }, "http://a.example/signalr/", 80],
  [{ host: "::", port: 80, publicUrl: "http://a.example:8080" }, "http://a.example", 8080],
] as const)
  test(`${JSON.stringify(config)} is reached at ${endpoint}, port ${port}`, () => {
    assert.deepEqual(publicEndpoint(config), { endpoint, port });
  });
