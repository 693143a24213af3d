import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";
import { audienceAllowsClient } from "../auth/audience.ts";
import { clientIdentity } from "../auth/client-identity.ts";
import { TokenVerifier } from "../auth/token-verifier.ts";

const PATH = "/api/hubs/Chat/:generateToken";
const VERSION = "api-version=2022-11-01";

async function tokenOf(node: RestNode, query = ""): Promise<string> {
  const response = await node.call("POST", `${PATH}?${VERSION}${query}`);
  assert.equal(response.statusCode, 200, response.body);
  assert.equal(response.headers["cache-control"], "no-store");
  return response.json().token;
}

/** Whether the client endpoint takes the token for this hub, and whom it takes the client for. */
function judged(node: RestNode, token: string, hub = "chat"): string {
  const verifier = new TokenVerifier([node.accessKey], node.clock);
  const verified = verifier.verify(token, (audience) => audienceAllowsClient(audience, hub));
  return verified.ok ? String(clientIdentity(verified).userId) : verified.reason;
}

describe(":generateToken", () => {
  test("makes a token that opens the hub for an anonymous client", async () => {
    await using node = await RestNode.start();
    const token = await tokenOf(node);
    assert.equal(judged(node, token), "undefined");
    assert.equal(judged(node, token, "other"), "The audience is invalid");
  });

  test("makes a token for a user, whatever its letters", async () => {
    await using node = await RestNode.start();
    const userId = "ann é😀 &=/";
    assert.equal(judged(node, await tokenOf(node, `&userId=${encodeURIComponent(userId)}`)), userId);
    assert.equal(judged(node, await tokenOf(node, "&userid=bob")), "bob");
    assert.equal(judged(node, await tokenOf(node, "&userId=")), "undefined");
  });

  for (const [query, minutes] of [
    ["", 60],
    ["&minutesToExpire=1", 1],
    ["&MinutesToExpire=1440", 1440],
  ] as const)
    test(`makes a token for ${minutes} minutes with ${query || "nothing said"}`, async () => {
      await using node = await RestNode.start();
      const token = await tokenOf(node, query);
      const skewMs = 5 * 60_000;
      node.clock.skip(minutes * 60_000 + skewMs - 2_000);
      assert.equal(judged(node, token), "undefined");
      node.clock.skip(3_000);
      assert.match(judged(node, token), /expired/);
    });

  test("makes a token for the hub of the application", async () => {
    await using node = await RestNode.start();
    const token = await tokenOf(node, "&application=App");
    assert.equal(judged(node, token, "app_chat"), "undefined");
    assert.equal(judged(node, token), "The audience is invalid");
  });

  for (const minutes of ["0", "-1", "1.5", "x", "2147483648"])
    test(`is refused for ${minutes} minutes`, async () => {
      await using node = await RestNode.start();
      const response = await node.call("POST", `${PATH}?${VERSION}&minutesToExpire=${minutes}`);
      assert.equal(response.statusCode, 400);
      assert.equal(response.json().target, "minutesToExpire");
    });

  test("makes tokens for as long as an int32 of minutes", async () => {
    await using node = await RestNode.start();
    assert.equal(judged(node, await tokenOf(node, "&minutesToExpire=2147483647")), "undefined");
  });
});
