import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import {
  connect,
  frameOf,
  jsonWire,
  leftNothing,
  messagePackWire,
  packed,
  roundTrip,
  unhandled,
  whyUnhandled,
  wires,
} from "../support/hub-wire.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const SEND = "/api/hubs/chat/:send?api-version=2022-06-01";
const DETAILS = { "asrs.s.derror": "True" };
const TOO_LARGE =
  "InvalidDataException: The maximum message size of 1048576B was exceeded. The message size can be configured in AddHubOptions.";
const MAX_MESSAGE_BYTES = 1_048_576;

for (const wire of wires) {
  test(`P01: ${wire.protocol} carries text unchanged`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire });
    for (const text of ["你好，世界！", "😀", '"\\/\n\u2028', ""]) {
      await hubwire.send("", "says", [text]);
      assert.equal(await client.next(), frameOf(wire.invocation("says", [text])));
    }
  });

  test(`P02: a ${wire.protocol} invocation without an id is not answered`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire });
    client.send(wire.invocation("Nope", [1]));
    if (wire === jsonWire) client.send('{"type":1,"target":"Nope","arguments":[],"invocationId":""}\x1e');
    await roundTrip(client, wire);
    const { target } = await hubwire.event("client.invocation_unhandled");
    assert.equal(target, "Nope");
  });

  test(`P07: a ${wire.protocol} message of an unknown type is passed over`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire });
    client.send(wire === jsonWire ? '{"type":99,"more":[]}\x1e' : packed(99, { more: 1 }, []));
    await roundTrip(client, wire);
  });

  test(`P09: a ${wire.protocol} message of exactly the limit is read, one byte more closes the client`, async () => {
    await using hubwire = await TestHubwire.start();
    for (const [length, isTooLarge] of [
      [MAX_MESSAGE_BYTES, false],
      [MAX_MESSAGE_BYTES + 1, true],
    ] as const) {
      using client = await connect(hubwire, { wire, claims: DETAILS });
      const spare = length - wire.invocation("Large", ["x".repeat(1_000_000)], "1").length;
      const message = wire.invocation("Large", ["x".repeat(1_000_000 + spare)], "1");
      assert.equal(message.length, length);
      client.send(message);
      if (!isTooLarge) assert.equal(await client.next(), unhandled(wire, "Large", "1"));
      else
        assert.deepEqual(await client.takeAll(), [
          frameOf(wire.close(`Connection closed with an error. ${TOO_LARGE}`, true)),
          "close 1000",
        ]);
    }
  });

  test(`P17: ${wire.protocol} messages about invocations and streams that nobody knows are ignored`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire });
    const messages =
      wire === jsonWire
        ? [
            '{"type":5,"invocationId":"unknown"}\x1e',
            '{"type":2,"invocationId":"unknown","item":1}\x1e',
            '{"type":3,"invocationId":"unknown","result":1}\x1e',
            '{"type":3,"invocationId":"unknown","error":"no"}\x1e',
            '{"type":8,"sequenceId":5}\x1e',
            '{"type":9,"sequenceId":5}\x1e',
          ]
        : [
            packed(5, {}, "unknown"),
            packed(2, {}, "unknown", 1),
            packed(3, {}, "unknown", 3, 1),
            packed(3, {}, "unknown", 1, "no"),
            packed(8, 5),
            packed(9, 5),
          ];
    for (const message of messages) client.send(message);
    await roundTrip(client, wire);
  });

  test(`a ${wire.protocol} client that says Close, with or without an error, gets Close and 1000`, async () => {
    await using hubwire = await TestHubwire.start();
    for (const error of [undefined, "tired"]) {
      using client = await connect(hubwire, { wire });
      client.send(wire.close(error, false));
      assert.deepEqual(await client.takeAll(), [frameOf(wire.close(undefined, false)), "close 1000"]);
      await hubwire.event("client.closed", ({ reason }) => reason === (error ?? "The client closed."));
    }
    await leftNothing(hubwire);
  });
}

test("P03, P27: an invocation with an id is answered with an error, in exactly the members that every client reads", async () => {
  await using hubwire = await TestHubwire.start();
  using json = await connect(hubwire);
  json.send('{"type":1,"invocationId":"7","target":"No\\"pe","arguments":[1]}\x1e');
  json.send('{"type":4,"invocationId":"8","target":"Numbers","arguments":[]}\x1e');
  assert.deepEqual(await json.take(2), [
    `text {"type":3,"invocationId":"7","error":${JSON.stringify(whyUnhandled('No"pe'))}}\x1e`,
    `text {"type":3,"invocationId":"8","error":${JSON.stringify(whyUnhandled("Numbers"))}}\x1e`,
  ]);
  using messagePack = await connect(hubwire, { wire: messagePackWire });
  messagePack.send(packed(4, {}, "9", "Numbers", []));
  assert.equal(await messagePack.next(), frameOf(packed(3, {}, "9", 1, whyUnhandled("Numbers"))));
});

test("P05: members in any order, unknown ones and headers are accepted", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  for (const record of [
    '{"target":"A","arguments":[{"type":7}],"invocationId":"1","type":1}',
    ' {"x":{"target":"B"},"arguments":[ ],"type":1,"headers":{"traceparent":"00-1-2-01"},"invocationId":"1","target":"A"} ',
    '{"type":1,"target":"A","invocationId":"1","arguments":[],"streamIds":["1"],"\\u0078":null}',
    '{"\\u0074ype":1,"target":"\\u0041","invocationId":"1","arguments":[]}',
  ]) {
    client.send(`${record}\x1e`);
    assert.equal(await client.next(), unhandled(jsonWire, "A", "1"));
  }
  using messagePack = await connect(hubwire, { wire: messagePackWire });
  for (const message of [
    packed(1, { traceparent: "00-1-2-01" }, "1", "A", []),
    packed(1, {}, "1", "A", [1], ["1"], "of a newer version", { x: 1 }),
  ]) {
    messagePack.send(message);
    assert.equal(await messagePack.next(), unhandled(messagePackWire, "A", "1"));
  }
});

for (const [record, problem] of [
  ["{}", "Missing required property 'type'."],
  ['{"type":"1"}', "Expected 'type' to be of type Number."],
  [
    '{"type":1,"invocationId":1,"target":"A","arguments":[]}',
    "Expected 'invocationId' to be of type String.",
  ],
  [
    '{"type":1,"invocationId":null,"target":"A","arguments":[]}',
    "Expected 'invocationId' to be of type String.",
  ],
  ['{"type":1,"arguments":[]}', "Missing required property 'target'."],
  ['{"type":1,"target":"A"}', "Missing required property 'arguments'."],
  ['{"type":4,"invocationId":"1","arguments":[]}', "Missing required property 'target'."],
  ['{"type":4,"invocationId":"1","target":"A"}', "Missing required property 'arguments'."],
  ['{"type":4,"target":"A","arguments":[]}', "Missing required property 'invocationId'."],
  ['{"type":2,"invocationId":"1"}', "Missing required property 'item'."],
  ['{"type":2,"item":1}', "Missing required property 'invocationId'."],
  ['{"type":3,"result":1}', "Missing required property 'invocationId'."],
  ['{"type":5}', "Missing required property 'invocationId'."],
  ['{"type":8}', "Missing required property 'sequenceId'."],
  ['{"type":9}', "Missing required property 'sequenceId'."],
  [
    '{"type":3,"invocationId":"1","result":1,"error":"e"}',
    "The 'error' and 'result' properties are mutually exclusive.",
  ],
  ["garbage", "Error reading JSON."],
  ["", "Error reading JSON."],
  ["[]", "Unexpected JSON Token Type 'Array'. Expected a JSON Object."],
] as const)
  test(`P06: '${record}' closes the client, told why where its token allows details`, async () => {
    await using hubwire = await TestHubwire.start();
    for (const [claims, detail] of [
      [{}, ""],
      [DETAILS, ` InvalidDataException: ${problem}`],
    ] as const) {
      using client = await connect(hubwire, { claims });
      client.send(`${jsonWire.ping}${record}\x1e${jsonWire.invocation("Late", [], "1")}`);
      assert.deepEqual(await client.takeAll(), [
        frameOf(jsonWire.close(`Connection closed with an error.${detail}`, true)),
        "close 1000",
      ]);
    }
    const { category, reason } = await hubwire.event("client.closed");
    assert.deepEqual([category, reason], ["BadRequest", `InvalidDataException: ${problem}`]);
    await leftNothing(hubwire);
  });

test("P09: a message that is too large is refused before it has come to its end", async () => {
  await using hubwire = await TestHubwire.start();
  using json = await connect(hubwire);
  for (let sent = 0; sent <= MAX_MESSAGE_BYTES; sent += 65_536) json.send("x".repeat(65_536));
  using messagePack = await connect(hubwire, { wire: messagePackWire });
  messagePack.send(Buffer.of(0x81, 0x80, 0x40, 0x96));
  for (const [client, wire] of [
    [json, jsonWire],
    [messagePack, messagePackWire],
  ] as const)
    assert.deepEqual(await client.takeAll(), [
      frameOf(wire.close("Connection closed with an error.", true)),
      "close 1000",
    ]);
  await leftNothing(hubwire);
});

test("P10: JSON arguments reach JSON clients as the bytes that were sent", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  const args =
    '[9007199254740993, -9223372036854775808,123456789012345678901234567890,1.0,1.10,1E5,1e400,-0, "\\ud83d\\ude00 \\u00e9 é \\/",' +
    '{"b":1,"a":2,"a":3 , "__proto__":{"x":null}},[\n[]\t] ]';
  const { status } = await hubwire.rest("POST", SEND, {
    body: `{"target":"news","arguments":${args}}`,
    headers: { "Content-Type": "application/json" },
  });
  assert.equal(status, 202);
  assert.equal(await client.next(), `text {"type":1,"target":"news","arguments":${args}}\x1e`);
});

test("P11: MessagePack arguments reach MessagePack clients as the bytes that were sent", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire, { wire: messagePackWire });
  using json = await connect(hubwire);
  const args = [
    "ca3fc00000", // float32
    "cb3ff8000000000000", // float64
    "cfffffffffffffffff", // uint64
    "d38000000000000000", // int64
    "cc05", // an integer in more bytes than it needs
    "c403010203", // bin
    "d6ff3ca8345f", // ext: timestamp
    "c70c0100000000000000000000ffff", // ext of a type of its own
    "8201a16102c0", // map with numbers as keys
    "81a16b92c281a0dc000190", // nested
    "d905416c696365", // str 8
    "c2",
  ];
  const content = Buffer.from(`960180c0a46e657773 9c ${args.join("")} 90`.replaceAll(" ", ""), "hex");
  const message = Buffer.concat([Buffer.of(content.length), content]);
  const { status } = await hubwire.rest("POST", SEND, {
    body: Buffer.from(encode({ messagepack: message })),
    headers: { "Content-Type": "application/octet-stream" },
  });
  assert.equal(status, 202);
  assert.equal(await client.next(), frameOf(message));
  // A client whose protocol the sender left out gets nothing.
  await roundTrip(json);
});

test("P13: MessagePack messages may be split anywhere, and share a frame", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire, { wire: messagePackWire });
  const message = messagePackWire.invocation("Echo", ["x".repeat(300)], "1");
  for (const cut of [1, 2, 5, message.length - 1]) {
    client.send(message.subarray(0, cut));
    client.send(message.subarray(cut));
    assert.equal(await client.next(), unhandled(messagePackWire, "Echo", "1"));
  }
  client.send(Buffer.concat([message, message, messagePackWire.ping]));
  const answer = unhandled(messagePackWire, "Echo", "1");
  assert.deepEqual(await client.take(2), [answer, answer]);
  await roundTrip(client, messagePackWire);
});

for (const [what, hex, problem] of [
  ["nil as headers", "089601c0c0a1419090", "InvalidDataException: Reading map length for 'headers' failed."],
  [
    "nil as arguments",
    "08960180c0a141c090",
    "InvalidDataException: Reading array length for 'arguments' failed.",
  ],
  ["a byte that MessagePack does not use", "01c1", "InvalidDataException: Error reading MessagePack."],
  ["no array", "0106", "InvalidDataException: Error reading MessagePack."],
  ["a length of zero", "00", "InvalidDataException: Error reading MessagePack."],
  ["a length of 2 GiB", "8080808008", "FormatException: Messages over 2GB in size are not supported."],
  ["a length of six bytes", "ffffffffff01", "FormatException: Messages over 2GB in size are not supported."],
] as const)
  test(`P14: a MessagePack message with ${what} closes the client`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire: messagePackWire, claims: DETAILS });
    client.send(Buffer.from(hex, "hex"));
    assert.deepEqual(await client.takeAll(), [
      frameOf(messagePackWire.close(`Connection closed with an error. ${problem}`, true)),
      "close 1000",
    ]);
    await leftNothing(hubwire);
  });

test("clients of both protocols in one hub get the same messages in the same order", async () => {
  await using hubwire = await TestHubwire.start();
  const clients = [];
  for (let index = 0; index < 6; index++) {
    const wire = wires[index % 2] ?? jsonWire;
    clients.push({ wire, client: await connect(hubwire, { wire, userId: `user${index}` }) });
  }
  await hubwire.rest("PUT", "/api/hubs/chat/users/user0/groups/g?api-version=2022-06-01");
  await hubwire.rest("PUT", "/api/hubs/chat/users/user1/groups/g?api-version=2022-06-01");
  await hubwire.send("", "news", ["all", 1]);
  await hubwire.send("groups/g/", "news", ["group", 2]);
  await hubwire.send("users/user1/", "news", ["user", 3]);
  await hubwire.send("", "news", ["all", 4]);
  for (const [index, { wire, client }] of clients.entries()) {
    const expected = [
      ["all", 1],
      ...(index < 2 ? [["group", 2]] : []),
      ...(index === 1 ? [["user", 3]] : []),
      ["all", 4],
    ];
    assert.deepEqual(
      await client.take(expected.length),
      expected.map((args) => frameOf(wire.invocation("news", args))),
    );
    client[Symbol.dispose]();
  }
  await leftNothing(hubwire);
});
