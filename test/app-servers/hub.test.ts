import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HubConnection, Subject } from "@microsoft/signalr";
import type { HubwireOptions } from "../../src/app.ts";
import { type AppServerOptions, HubError } from "../../src/app-server-sdk/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import {
  closed,
  received,
  type SignalRClientOptions,
  signalrClient,
  waysToConnect,
} from "../support/signalr-client.ts";
import { onServer, startChat } from "../support/start-chat.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const VALUES = ['ünïcödé 😀 \u2028 " \\ \n', 42, -1.5, null, true, [1, [2]], { a: { B: "c" }, "": 0 }];

/** A node with the machine's clock: the service gives a caller time before it passes a client's answer on. */
function startNode(options: HubwireOptions = {}): Promise<TestHubwire> {
  return TestHubwire.start({ clock: systemClock, ...options });
}

/** What an application has its methods do. */
const methods: NonNullable<AppServerOptions["methods"]> = {
  echo: (_context, value: unknown) => value,
  echoAll: (_context, ...values: unknown[]) => values,
  add: (_context, a: number, b: number) => a + b,
  nothing: () => {},
  async whoAmI(context) {
    return { id: context.connectionId, user: context.userId, protocol: context.protocol };
  },
  refuse: () => {
    throw new HubError("Not today.");
  },
  fail: () => {
    throw new Error("secret");
  },
  adminsOnly: (context) => {
    if (!context.claims.some(([type, value]) => type.endsWith("/role") && value === "admin"))
      throw new HubError("Only admins may do that.");
    return "welcome";
  },
  leave: (context) => context.abort(),
  async *count(_context, to: number) {
    for (let index = 0; index < to; index++) yield index;
  },
  async *forever() {
    for (let index = 0; ; index++) {
      yield index;
      await new Promise(setImmediate);
    }
  },
  async *failAfter(_context, count: number) {
    for (let index = 0; index < count; index++) yield index;
    throw new HubError("Enough.");
  },
  async sum(_context, numbers: AsyncIterable<number>) {
    let total = 0;
    for await (const number of numbers) total += number;
    return total;
  },
  async *double(_context, numbers: AsyncIterable<number>) {
    for await (const number of numbers) yield 2 * number;
  },
  join: (context, group: string) => context.groups.add(context.connectionId, group),
  part: (context, group: string) => context.groups.remove(context.connectionId, group),
  async tell(context, whom: string, name: string, text: string) {
    const { clients } = context;
    const audiences: Record<string, { send: (target: string, ...args: unknown[]) => Promise<void> }> = {
      all: clients.all,
      caller: clients.caller,
      others: clients.others,
      group: clients.group(name),
      othersInGroup: clients.othersInGroup(name),
      user: clients.user(name),
      client: clients.client(name),
    };
    await audiences[whom]?.send("news", text);
  },
  ask: (context, connectionId: string) => context.clients.client(connectionId).invoke("question", 6, 7),
  async talk(context) {
    for (let index = 0; index < 20; index++) await context.clients.caller.send("news", index);
    return "said";
  },
};

/** All items of a stream, or why it failed. */
function items(client: HubConnection, method: string, ...args: unknown[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const all: unknown[] = [];
    client.stream(method, ...args).subscribe({
      next: (item) => all.push(item),
      complete: () => resolve(all),
      error: reject,
    });
  });
}

/** Everything that a client hears as `news`, in order. */
function listening(client: HubConnection): unknown[] {
  const heard: unknown[] = [];
  client.on("news", (text: unknown) => heard.push(text));
  return heard;
}

async function connect(
  hubwire: TestHubwire,
  options: SignalRClientOptions,
): Promise<HubConnection & { id: string }> {
  const client = signalrClient(hubwire, options);
  await client.start();
  return Object.assign(client, { id: client.connectionId ?? "" });
}

for (const way of waysToConnect)
  describe(`a client of an app server over ${way.transport} with ${way.protocol}`, () => {
    test("invokes methods and gets their results and errors", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods });
      const client = await connect(hubwire, { ...way, userId: "ann" });
      for (const value of VALUES) assert.deepEqual(await client.invoke("echo", value), value);
      assert.deepEqual(await client.invoke("EchoAll", ...VALUES), VALUES);
      assert.equal(await client.invoke("add", 2, 3), 5);
      assert.equal((await client.invoke("nothing")) ?? null, null);
      assert.deepEqual(await client.invoke("whoAmI"), { id: client.id, user: "ann", protocol: way.protocol });
      await client.send("fail");
      for (const [method, text] of [
        ["refuse", "An unexpected error occurred invoking 'refuse' on the server. HubException: Not today."],
        ["fail", "An unexpected error occurred invoking 'fail' on the server."],
        ["add", "Failed to invoke 'add' due to an error on the server."],
        [
          "nope",
          "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.",
        ],
      ] as const)
        await assert.rejects(client.invoke(method), { message: text });
      await client.stop();
    });

    test("streams to the app server, from it, and both ways", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods });
      const client = await connect(hubwire, way);
      assert.deepEqual(await items(client, "count", 100), [...Array(100).keys()]);
      await assert.rejects(items(client, "failAfter", 2), /streaming results\. HubException: Enough\./);
      await assert.rejects(
        items(client, "add", 1, 2),
        /non-streaming 'add' method with a streaming invocation/,
      );

      const numbers = new Subject<number>();
      const total = client.invoke("sum", numbers);
      for (let number = 1; number <= 10; number++) numbers.next(number);
      numbers.complete();
      assert.equal(await total, 55);

      const through = new Subject<number>();
      const doubled = items(client, "double", through);
      for (const number of [1, 2, 3]) through.next(number);
      through.complete();
      assert.deepEqual(await doubled, [2, 4, 6]);

      const broken = new Subject<number>();
      const failed = assert.rejects(client.invoke("sum", broken), /HubException: .*boo/);
      broken.error(new Error("boo"));
      await failed;
      await client.stop();
    });

    test("cancels a stream", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods });
      const client = await connect(hubwire, way);
      await new Promise<void>((resolve, reject) => {
        const subscription = client.stream<number>("forever").subscribe({
          next: (item) => {
            if (item !== 3) return;
            subscription.dispose();
            resolve();
          },
          complete: () => reject(new Error("ended by itself")),
          error: reject,
        });
      });
      assert.equal(await client.invoke("add", 1, 2), 3);
      await client.stop();
    });

    test("is told what others and it tell all, groups, users and single clients, in the order of telling", async () => {
      await using hubwire = await startNode();
      await using chat = await startChat(hubwire, { methods });
      const ann = await connect(hubwire, { ...way, userId: "ann" });
      const bob = await connect(hubwire, { ...way, userId: "bob" });
      const [annHeard, bobHeard] = [listening(ann), listening(bob)];
      assert.equal(await ann.invoke("join", "g"), true);
      await bob.invoke("join", "g");
      for (const [whom, name] of [
        ["all", ""],
        ["caller", ""],
        ["others", ""],
        ["group", "g"],
        ["othersInGroup", "g"],
        ["user", "bob"],
        ["client", bob.id],
      ])
        await ann.invoke("tell", whom, name, whom);
      await ann.invoke("part", "g");
      await ann.invoke("tell", "group", "g", "without ann");
      assert.equal(await chat.userGroups.has("bob", "u"), false);
      await chat.userGroups.add("bob", "u", { ttlSeconds: 60 });
      assert.equal(await chat.userGroups.has("bob", "u"), true);
      await chat.clients.group("u").send("news", "user's group");
      await chat.clients.allExcept([ann.id]).send("news", "all but ann");
      const last = Promise.all([received(ann, "end", 1), received(bob, "end", 1)]);
      await chat.clients.all.send("end");
      await last;
      assert.deepEqual(annHeard, ["all", "caller", "group"]);
      assert.deepEqual(bobHeard, [
        "all",
        "others",
        "group",
        "othersInGroup",
        "user",
        "client",
        "without ann",
        "user's group",
        "all but ann",
      ]);
      assert.deepEqual(
        [await chat.exists.connection(ann.id), await chat.exists.user("eve"), await chat.exists.group("g")],
        [true, false, true],
      );
      const members = [];
      for await (const member of chat.membersOf("g")) members.push(member);
      assert.deepEqual(members, [{ connectionId: bob.id, userId: "bob" }]);
      await Promise.all([ann.stop(), bob.stop()]);
    });

    test("is told by a method before the method's result", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods });
      const client = await connect(hubwire, way);
      const heard = listening(client);
      assert.equal(await client.invoke("talk"), "said");
      assert.deepEqual(heard, [...Array(20).keys()]);
      await client.stop();
    });

    test("answers questions of the app server, and of its own method", async () => {
      await using hubwire = await startNode();
      await using chat = await startChat(hubwire, { methods });
      const client = await connect(hubwire, way);
      client.on("question", (a: number, b: number) => a * b);
      client.on("trouble", () => {
        throw new Error("no idea");
      });
      assert.equal(await chat.clients.client(client.id).invoke<number>("question", 6, 7), 42);
      assert.equal(await client.invoke("ask", client.id), 42);
      await assert.rejects(chat.clients.client(client.id).invoke("trouble"), /no idea/);
      await assert.rejects(chat.clients.client("nobody").invoke("question"), /'nobody'/);
      await client.stop();
    });

    test("is closed by its method and by the app server, and says good-bye itself", async () => {
      await using hubwire = await startNode();
      const gone: string[] = [];
      const { promise: allGone, resolve } = Promise.withResolvers<void>();
      await using chat = await startChat(hubwire, {
        methods,
        disconnected: ({ userId }) => {
          if (gone.push(userId ?? "") === 3) resolve();
        },
      });
      const [ann, bob, eve] = await Promise.all(
        ["ann", "bob", "eve"].map((userId) => connect(hubwire, { ...way, userId })),
      );
      assert.ok(ann && bob && eve);
      const annsEnd = closed(ann);
      await ann.send("leave");
      assert.equal(await annsEnd, undefined);
      const bobsEnd = closed(bob);
      assert.equal(await chat.close.connection(bob.id), true);
      await bobsEnd;
      assert.equal(await chat.close.connection(bob.id), false);
      await eve.stop();
      await allGone;
      assert.deepEqual(gone.sort(), ["ann", "bob", "eve"]);
    });

    test("is not let in by a hook that throws, and knows why", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, {
        methods,
        connected: ({ userId }) => {
          if (userId !== "ann") throw new HubError("Only Ann.");
        },
      });
      const ann = await connect(hubwire, { ...way, userId: "ann" });
      const bob = signalrClient(hubwire, { ...way, userId: "bob" });
      const end = closed(bob);
      // Its start fails where it hears of its end at once.
      const refused = bob.start().then(
        () => end,
        (error: unknown) => error,
      );
      assert.match(String(await refused), /Connection closed with an error\. HubException: Only Ann\./);
      assert.equal(await ann.invoke("add", 1, 1), 2);
      await ann.stop();
    });

    test("may do what its claims allow", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods });
      const admin = await connect(hubwire, { ...way, claims: { role: ["user", "admin"] } });
      const user = await connect(hubwire, { ...way, claims: { role: "user" } });
      assert.equal(await admin.invoke("adminsOnly"), "welcome");
      await assert.rejects(user.invoke("adminsOnly"), /HubException: Only admins may do that\./);
      await Promise.all([admin.stop(), user.stop()]);
    });

    for (const [name, bytes] of [
      ["64 KB", 64_000],
      ["500 KB", 500_000],
      ["5 MB", 5_000_000],
    ] as const)
      test(`sends and gets a message of ${name}`, async () => {
        await using hubwire = await startNode({ limits: { maxRequestBodyBytes: 8_000_000 } });
        await using _ = await startChat(hubwire, { methods, maxMessageBytes: 8_000_000 });
        const client = await connect(hubwire, way);
        const text = "é".repeat(bytes / 2);
        assert.equal((await client.invoke("echo", text)) === text, true);
        await client.stop();
      });

    test("a message that is too large for the app server closes it, so that it may come back", async () => {
      await using hubwire = await startNode();
      await using _ = await startChat(hubwire, { methods, maxMessageBytes: 1_000 });
      const client = await connect(hubwire, way);
      const end = closed(client);
      await client.send("echo", "x".repeat(1_000));
      assert.match(String(await end), /Connection closed with an error/);
    });

    test("talks with clients of another app server, and the app servers with them", async () => {
      await using hubwire = await startNode();
      await using first = await startChat(hubwire, { methods, serverName: "first" });
      await using second = await startChat(hubwire, { methods, serverName: "second" });
      const ann = await connect(hubwire, { ...way, userId: "ann", claims: onServer("first") });
      const bob = await connect(hubwire, { ...way, userId: "bob", claims: onServer("second") });
      assert.deepEqual([first.size.clients, second.size.clients], [1, 1]);
      const [annHeard, bobHeard] = [listening(ann), listening(bob)];
      bob.on("question", (a: number, b: number) => a * b);
      await Promise.all([ann.invoke("join", "g"), bob.invoke("join", "g")]);
      await ann.invoke("tell", "othersInGroup", "g", "from ann");
      await bob.invoke("tell", "user", "ann", "from bob");
      assert.equal(await ann.invoke("ask", bob.id), 42);
      assert.equal(await second.clients.client(bob.id).invoke("question", 1, 2), 2);
      const last = Promise.all([received(ann, "end", 1), received(bob, "end", 1)]);
      await second.clients.clients([ann.id, bob.id]).send("end");
      await last;
      assert.deepEqual([annHeard, bobHeard], [["from bob"], ["from ann"]]);
      await Promise.all([ann.stop(), bob.stop()]);
    });
  });
