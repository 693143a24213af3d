import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import type { AppServer } from "./app-server.ts";
import { NotConnectedError, TimeoutError } from "./errors.ts";
import type { Question } from "./sender.ts";

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

type Row = [ask: (app: AppServer) => Promise<unknown>, question: Question, ok: unknown, notFound: unknown];

describe("asking the service", () => {
  const rows: Row[] = [
    [(app) => app.groups.add("c1", "g"), { type: "joinGroup", connectionId: "c1", group: "g" }, true, false],
    [
      (app) => app.groups.remove("c1", "g"),
      { type: "leaveGroup", connectionId: "c1", group: "g" },
      undefined,
      undefined,
    ],
    [
      (app) => app.groups.removeFromAll("c1"),
      { type: "leaveGroup", connectionId: "c1", group: null },
      undefined,
      undefined,
    ],
    [
      (app) => app.userGroups.add("ann", "g"),
      { type: "userJoinGroup", userId: "ann", group: "g" },
      undefined,
      undefined,
    ],
    [
      (app) => app.userGroups.add("ann", "g", { ttlSeconds: 60 }),
      { type: "userJoinGroup", userId: "ann", group: "g", ttlSeconds: 60 },
      undefined,
      undefined,
    ],
    [
      (app) => app.userGroups.remove("ann", "g"),
      { type: "userLeaveGroup", userId: "ann", group: "g" },
      undefined,
      undefined,
    ],
    [
      (app) => app.userGroups.removeFromAll("ann"),
      { type: "userLeaveGroup", userId: "ann", group: null },
      undefined,
      undefined,
    ],
    [
      (app) => app.userGroups.has("ann", "g"),
      { type: "checkUserInGroup", userId: "ann", group: "g" },
      true,
      false,
    ],
    [
      (app) => app.exists.connection("c1"),
      { type: "checkConnectionExistence", connectionId: "c1" },
      true,
      false,
    ],
    [(app) => app.exists.user("ann"), { type: "checkUserExistence", userId: "ann" }, true, false],
    [(app) => app.exists.group("g"), { type: "checkGroupExistence", group: "g" }, true, false],
    [
      (app) => app.close.connection("c1", "why"),
      { type: "closeOneConnection", connectionId: "c1", reason: "why" },
      true,
      false,
    ],
    [
      (app) => app.close.user("ann", { reason: "why", except: ["c1"] }),
      { type: "closeUserConnections", userId: "ann", reason: "why", excluded: ["c1"] },
      undefined,
      undefined,
    ],
    [
      (app) => app.close.group("g"),
      { type: "closeGroupConnections", group: "g", reason: null, excluded: [] },
      undefined,
      undefined,
    ],
    [
      (app) => app.close.all({ except: ["c1"] }),
      { type: "closeHubConnections", reason: null, excluded: ["c1"] },
      undefined,
      undefined,
    ],
  ];
  for (const [ask, question, ok, notFound] of rows)
    test(`${question.type} is acknowledged: ${JSON.stringify(question)}`, async () => {
      const { server, end } = await TestAppServer.start();
      await using _ = server;
      for (const [status, expected] of [
        [1, ok],
        [2, notFound],
      ] as const) {
        const answer = ask(server.app);
        const { ackId, ...asked } = await end.receives(question.type);
        assert.deepEqual(asked, question);
        end.send({ type: "ack", ackId: ackId ?? 0, status, message: "" });
        assert.equal(await answer, expected);
      }
      assert.equal(server.app.size.pending, 0);
    });

  test("fails as the service says, after ten seconds, and when the connection is lost", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const ask = async () => {
      const answer = server.app.exists.user("ann");
      const { ackId } = await end.receives("checkUserExistence");
      return { answer, ackId };
    };
    for (const [status, message, error] of [
      [3, "too slow", new TimeoutError("too slow")],
      [4, "", new TimeoutError("The service could not do it in time.")],
      [5, "forbidden", new Error("forbidden")],
      [99, "", new Error("The service answered with status 99.")],
    ] as const) {
      const { answer, ackId } = await ask();
      end.send({ type: "ack", ackId, status, message });
      await assert.rejects(answer, error);
    }
    const { answer: late, ackId } = await ask();
    server.clock.advance(10_000);
    assert.equal(server.app.size.pending, 1);
    server.clock.advance(1_000);
    await assert.rejects(late, TimeoutError);
    end.send({ type: "ack", ackId, status: 1, message: "" });
    const { answer: lost } = await ask();
    end.socket.terminate();
    await assert.rejects(lost, NotConnectedError);
    await assert.rejects(server.app.exists.user("ann"), NotConnectedError);
    assert.equal(server.app.size.pending, 0);
  });

  test("without anybody waiting for the answer ends no process when it fails", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    void server.app.groups.add("c1", "g");
    const { ackId = 0 } = await end.receives("joinGroup");
    end.send({ type: "ack", ackId, status: 4, message: "" });
    await end.opened("c1");
  });

  test("members of a group come page by page", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const members = all(server.app.membersOf("g"));
    const pages = [
      { members: [["c1", "ann"]], token: "more" },
      { members: [], token: "yet more" },
      { members: [["c2", null]], token: null },
    ];
    let asked: string | null = null;
    for (const { members: page, token } of pages) {
      const query = await end.receives("groupMemberQuery");
      assert.deepEqual([query.group, query.continuationToken], ["g", asked]);
      const payload = Buffer.from(encode([page, token]));
      end.send({ type: "ack", ackId: query.ackId, status: 1, message: "", payload });
      asked = token;
    }
    assert.deepEqual(await members, [
      { connectionId: "c1", userId: "ann" },
      { connectionId: "c2", userId: undefined },
    ]);
    const none = all(server.app.membersOf("nobody"));
    const { ackId } = await end.receives("groupMemberQuery");
    end.send({ type: "ack", ackId, status: 2, message: "" });
    assert.deepEqual(await none, []);
  });
});
