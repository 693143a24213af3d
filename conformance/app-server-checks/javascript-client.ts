// @microsoft/signalr by way of an app server: node javascript-client.ts APP_URL TRANSPORT PROTOCOL; ends with 0 when all holds.
import assert from "node:assert/strict";
import { type HubConnection, type IStreamResult, Subject } from "@microsoft/signalr";
import { connectionTo, endAfter } from "./javascript-connection.ts";

const [url = "", transport = "", protocol = ""] = process.argv.slice(2);
const user = { name: "jo", roles: ["admin"], claims: { tenant: "blue" } };
const signedIn = { url, transport, protocol, user };
const anonymous = { url, transport, protocol };

let current = "start";
endAfter(45_000, () => current);

const main = connectionTo("/main?room=a%20b", signedIn);
await main.start();
const steps = [
  callsAreAnswered,
  messagesArriveInOrder,
  streamsAreWhole,
  clientsAreAsked,
  onlyWhoMayGetsIn,
  anAbortEnds,
] as const;
for (const step of steps) {
  current = step.name;
  await step(main);
}

async function callsAreAnswered(connection: HubConnection): Promise<void> {
  assert.equal(await connection.invoke("Echo", "žluť 🐎"), "žluť 🐎");
  assert.deepEqual(await connection.invoke("EchoInts", [1, 2, 3]), [1, 2, 3]);
  assert.equal(await connection.invoke("Null"), null);
  await connection.invoke("VoidTask");
  await assert.rejects(connection.invoke("ThrowHub", "the text"), /the text/);
  await assert.rejects(connection.invoke("NoSuch"), /Method does not exist/);
  const http = await lowerCased(connection.invoke("Http"));
  assert.equal(http.get("path"), "/main");
  assert.equal((http.get("query") as Record<string, string>)["room"], "a b");
  const who = await lowerCased(connection.invoke("Who"));
  assert.equal(who.get("userid"), "uid:jo");
  assert.equal(who.get("connectionid"), connection.connectionId);
  assert.equal(await connection.invoke("Length", "x".repeat(300_000)), 300_000);
  assert.equal(((await connection.invoke("Big", 1_000_000)) as string).length, 1_000_000);
}

/** Members in any letter case: JSON's are in camel case, MessagePack's are as in C#. */
async function lowerCased(answer: Promise<Record<string, unknown>>): Promise<Map<string, unknown>> {
  return new Map(Object.entries(await answer).map(([name, value]) => [name.toLowerCase(), value]));
}

async function messagesArriveInOrder(connection: HubConnection): Promise<void> {
  const news: string[] = [];
  const numbers: number[] = [];
  connection.on("news", (text: string) => news.push(text));
  connection.on("number", (n: number) => numbers.push(n));
  await connection.invoke("Join", "js group");
  await connection.invoke("ToGroup", "js group", "hello group");
  await connection.invoke("Burst", 100);
  await connection.invoke("ToCaller", "end");
  assert.deepEqual(news, ["hello group", "end"]);
  assert.deepEqual(numbers, upTo(99, 0));
}

async function streamsAreWhole(connection: HubConnection): Promise<void> {
  assert.deepEqual(await collect(connection.stream<number>("CountTo", 20, 1)), upTo(20));
  const subject = new Subject<number>();
  const sum = connection.invoke("Sum", subject);
  for (const n of upTo(4)) subject.next(n);
  subject.complete();
  assert.equal(await sum, 10);
  const [left, right] = [new Subject<string>(), new Subject<string>()];
  const joined = connection.invoke("JoinTwo", left, "|", right);
  for (const item of ["a", "b", "c"]) {
    left.next(item);
    right.next(item.toUpperCase());
  }
  left.complete();
  right.complete();
  assert.equal(await joined, "abc|ABC");
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function collect<T>(stream: IStreamResult<T>): Promise<T[]> {
  const items: T[] = [];
  return new Promise((resolve, reject) => {
    stream.subscribe({ next: (item) => items.push(item), complete: () => resolve(items), error: reject });
  });
}

async function clientsAreAsked(): Promise<void> {
  const [asked, asking] = [connectionTo("/results", signedIn), connectionTo("/results", signedIn)];
  asked.on("ask", (question: string) => `re: ${question}`);
  asked.on("askInt", () => {
    throw new Error("js cannot");
  });
  await Promise.all([asked.start(), asking.start()]);
  assert.equal(await asking.invoke("Ask", asked.connectionId, "js?"), "re: js?");
  assert.match(await asking.invoke("AskError", asked.connectionId, "askInt"), /js cannot/);
  assert.equal(await asked.invoke("AskCaller", "self"), "re: self");
  await Promise.all([asked.stop(), asking.stop()]);
}

async function onlyWhoMayGetsIn(): Promise<void> {
  const secure = connectionTo("/deep/er/secure", signedIn);
  await secure.start();
  assert.equal(await secure.invoke("ForAdmins"), "admin uid:jo");
  await assert.rejects(connectionTo("/deep/er/secure", anonymous).start(), /401/);
  await secure.stop();
}

async function anAbortEnds(connection: HubConnection): Promise<void> {
  const closed = new Promise<Error | undefined>((resolve) => connection.onclose(resolve));
  await connection.send("AbortMe");
  assert.equal((await closed)?.message, undefined);
}
