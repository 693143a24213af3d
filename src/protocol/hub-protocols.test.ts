import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { JsonHubProtocol, NullLogger } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { decode } from "@msgpack/msgpack";
import type { HubMessage, HubProtocol, HubProtocolName } from "./hub-protocol.ts";
import { hubProtocolNamed, hubProtocols } from "./hub-protocols.ts";

/** A hub message as the peers' API has it. */
interface Message {
  readonly type: number;
  readonly invocationId?: string;
  readonly target?: string;
  readonly arguments?: unknown[];
  readonly item?: unknown;
  readonly result?: unknown;
  readonly error?: string;
  readonly allowReconnect?: boolean;
  readonly sequenceId?: number;
  readonly streamIds?: string[];
  readonly headers?: Record<string, string>;
}

/** A message as a peer wrote it. `bytes` is text for JSON, hexadecimal for MessagePack. */
interface GoldenRow {
  readonly name: string;
  readonly value: Message;
  readonly bytes: string;
  /** Who wrote it, and in which version that was seen. */
  readonly source: string;
  readonly since: string;
}

const WHOLE = Number.MAX_SAFE_INTEGER;

function goldenRows(file: string): GoldenRow[] {
  return JSON.parse(readFileSync(new URL(`../../test/golden/${file}`, import.meta.url), "utf8"));
}

const json = {
  protocol: hubProtocols.json,
  rows: goldenRows("hub-json.json"),
  bytes: (row: GoldenRow) => Buffer.from(row.bytes),
  decodeValue: (value: Buffer): unknown => JSON.parse(value.toString()),
  readByPeer: (bytes: Buffer) => new JsonHubProtocol().parseMessages(bytes.toString(), NullLogger.instance),
  /** The same message with one more member, as a newer version may have. */
  extended: (row: GoldenRow) => Buffer.from(`${row.bytes.slice(0, -2)},"later":{"a":[1,{}]}}\x1e`),
};

const messagepack = {
  protocol: hubProtocols.messagepack,
  rows: goldenRows("hub-messagepack.json"),
  bytes: (row: GoldenRow) => Buffer.from(row.bytes, "hex"),
  decodeValue: (value: Buffer): unknown => decode(value),
  readByPeer: (bytes: Buffer) =>
    new MessagePackHubProtocol().parseMessages(new Uint8Array(bytes).buffer, NullLogger.instance),
  extended: extendedMessagePack,
};

/** The same message with one more element, where it has all that this version knows. */
function extendedMessagePack(row: GoldenRow): Buffer | undefined {
  const bytes = Buffer.from(row.bytes, "hex");
  const start = bytes.findIndex((byte) => byte < 0x80) + 1;
  const elements = (bytes[start] ?? 0) & 0x0f;
  if (elements < knownElements(row.value)) return undefined;
  const content = Buffer.concat([
    Buffer.of(0x90 | (elements + 1)),
    bytes.subarray(start + 1),
    Buffer.of(0x92, 0xd6, 0xff, 1, 2, 3, 4, 0x81, 0xa1, 0x61, 0xc4, 0x01, 0x00),
  ]);
  return Buffer.concat([prefix(content.length), content]);
}

function knownElements({ type }: Message): number {
  if (type === 1 || type === 4) return 6;
  return type === 7 ? 3 : 1;
}

function prefix(length: number): Buffer {
  return length < 0x80 ? Buffer.of(length) : Buffer.of((length & 0x7f) | 0x80, length >> 7);
}

/** What our reader must find in a message. */
function expected({ type, value }: { type: number; value: Message }): Partial<HubMessage> {
  const { invocationId, target, error, sequenceId } = value;
  return {
    type,
    ...(invocationId !== undefined && { invocationId }),
    ...(target !== undefined && { target }),
    ...(error !== undefined && { error }),
    ...(type === 7 && { allowReconnect: value.allowReconnect ?? false }),
    ...(sequenceId !== undefined && { sequenceId }),
  };
}

function payloadOf(value: Message): unknown {
  return value.arguments ?? ("item" in value ? value.item : value.result);
}

/** The message as we write it; `undefined` for what the service never writes itself. */
function written(protocol: HubProtocol, value: Message, payload: Buffer): Buffer | undefined {
  const { invocationId = "", target = "", error } = value;
  if (value.headers !== undefined || value.streamIds !== undefined) return undefined;
  switch (value.type) {
    case 1:
      return protocol.invocation(target, payload, value.invocationId);
    case 2:
      return protocol.streamItem(invocationId, payload);
    case 3:
      if (error !== undefined) return protocol.completionError(invocationId, error);
      return "result" in value
        ? protocol.completionResult(invocationId, payload)
        : protocol.completionVoid(invocationId);
    case 6:
      return protocol.ping;
    case 7:
      return protocol.close(value.error, value.allowReconnect ?? false);
    case 8:
      return protocol.ack(value.sequenceId ?? 0);
    case 9:
      return protocol.sequence(value.sequenceId ?? 0);
    default:
      return undefined;
  }
}

for (const { protocol, rows, bytes, decodeValue, readByPeer, extended } of [json, messagepack]) {
  describe(`golden messages of ${protocol.name}`, () => {
    for (const row of rows) {
      const { value } = row;
      const framed = bytes(row);

      const check = (buffer: Buffer, start: number, end: number) => {
        const { bytes: whole, value: payload, streamIds, ...envelope } = protocol.read(buffer, start, end);
        assert.deepEqual(envelope, expected({ type: value.type, value }));
        assert.deepEqual(whole, buffer.subarray(start, end));
        assert.deepEqual(payload && decodeValue(payload), payloadOf(value));
        assert.deepEqual(streamIds ? decodeValue(streamIds) : [], value.streamIds ?? []);
        return payload;
      };

      test(`${row.source}: ${row.name}: is read whole, and in the midst of others`, () => {
        check(framed, 0, protocol.findEnd(framed, 0, WHOLE));
        const among = Buffer.concat([protocol.ping, framed, protocol.ping]);
        const start = protocol.ping.length;
        assert.equal(protocol.findEnd(among, start, WHOLE), start + framed.length);
        check(among, start, start + framed.length);
      });

      test(`${row.source}: ${row.name}: holds the whole message without its frame`, () => {
        const content = decodeValue(protocol.content(framed));
        assert.equal(Array.isArray(content) ? content[0] : (content as Message).type, value.type);
      });

      test(`${row.source}: ${row.name}: is incomplete until its last byte`, () => {
        for (let length = 0; length < framed.length; length++) {
          assert.equal(protocol.findEnd(framed.subarray(0, length), 0, WHOLE), -1);
        }
        assert.equal(protocol.findEnd(framed, 0, framed.length), framed.length);
        assert.throws(() => protocol.findEnd(framed, 0, framed.length - 1), { name: "ProtocolError" });
      });

      test(`${row.source}: ${row.name}: is read the same with what a newer version adds`, () => {
        const longer = extended(row);
        if (longer !== undefined) check(longer, 0, protocol.findEnd(longer, 0, WHOLE));
      });

      if (value.type === 1)
        test(`${row.source}: ${row.name}: is given another invocation id and keeps all else`, () => {
          const before = protocol.read(framed, 0, framed.length);
          for (const invocationId of ["x", 'é"😀', "y".repeat(300)]) {
            const again = protocol.withInvocationId(framed, invocationId);
            assert.equal(protocol.findEnd(again, 0, again.length), again.length);
            assert.deepEqual(protocol.read(again, 0, again.length), {
              ...before,
              invocationId,
              bytes: again,
            });
            const [theirs] = readByPeer(again);
            const [ours] = readByPeer(framed);
            assert.deepEqual({ ...theirs }, { ...ours, invocationId });
            assert.deepEqual(
              protocol.withInvocationId(again, "x"),
              protocol.withInvocationId(framed, "x"),
              "whatever id it had",
            );
          }
        });

      const payload = Buffer.from(
        protocol.name === "json"
          ? (protocol.read(framed, 0, framed.length).value ?? "")
          : (JSON.stringify(payloadOf(value)) ?? "[]"),
      );
      const ours = written(protocol, value, payload);
      if (ours === undefined) continue;

      test(`${row.source}: ${row.name}: is written`, () => {
        if (row.source === "ASP.NET Core") assert.equal(ours.toString("latin1"), framed.toString("latin1"));
        const [theirs, ...more] = readByPeer(ours);
        assert.deepEqual(more, []);
        const known = Object.fromEntries(
          Object.entries(theirs ?? {}).filter(([key, found]) => key in value && found !== undefined),
        );
        assert.deepEqual(known, JSON.parse(JSON.stringify(value)));
      });
    }
  });
}

test("the golden rows of the packages are what the packages write today", () => {
  const messagePack = new MessagePackHubProtocol();
  const writers = { json: new JsonHubProtocol(), messagepack: messagePack, blazorpack: messagePack };
  for (const { protocol, rows, bytes } of [json, messagepack]) {
    for (const row of rows.filter(({ name }) => name.endsWith("(written by the package)"))) {
      const now: string | ArrayBuffer = writers[protocol.name].writeMessage(row.value as never);
      assert.deepEqual(typeof now === "string" ? Buffer.from(now) : Buffer.from(now), bytes(row));
    }
  }
});

test("a hub protocol is found by its name in any letter case, and no other is", () => {
  const names: HubProtocolName[] = ["json", "messagepack", "blazorpack"];
  for (const name of names) {
    assert.equal(hubProtocolNamed(name), hubProtocols[name]);
    assert.equal(hubProtocolNamed(name.toUpperCase()), hubProtocols[name]);
    assert.equal(hubProtocols[name].name, name);
  }
  for (const name of ["", "xml", "json ", "__proto__", "toString"]) {
    assert.equal(hubProtocolNamed(name), undefined);
  }
});
