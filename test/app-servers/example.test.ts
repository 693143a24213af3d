import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  JsonHubProtocol,
  LogLevel,
} from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { Example } from "../support/example.ts";
import { received, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

describe("the chat server in Node", () => {
  for (const { transport, protocol } of waysToConnect)
    test(`serves ${protocol} clients over ${transport}`, async () => {
      await using hubwire = await TestHubwire.start();
      await using example = await Example.start("chat-server", {
        AzureSignalRConnectionString: hubwire.node.connectionString,
      });
      const clientOf = (url: string): HubConnection =>
        new HubConnectionBuilder()
          .withUrl(url, { transport: HttpTransportType[transport] })
          .withHubProtocol(protocol === "json" ? new JsonHubProtocol() : new MessagePackHubProtocol())
          .configureLogging(LogLevel.None)
          .build();
      const [ann, bob] = [clientOf(`${example.url}/chat?name=ann`), clientOf(`${example.url}/chat?name=bob`)];
      await assert.rejects(clientOf(`${example.url}/chat`).start(), /401/);
      await ann.start();
      const came = received(ann, "came", 1);
      await bob.start();
      assert.deepEqual(await came, [["bob"]]);
      const said = Promise.all([received(ann, "said", 1), received(bob, "said", 1)]);
      await ann.invoke("say", "hello");
      assert.deepEqual(await said, [[["ann", "hello"]], [["ann", "hello"]]]);
      await ann.invoke("enter", "kitchen");
      const entered = received(ann, "entered", 1);
      await bob.invoke("enter", "kitchen");
      assert.deepEqual(await entered, [["bob", "kitchen"]]);
      const counted = await new Promise((resolve, reject) => {
        const numbers: unknown[] = [];
        bob.stream("countDown", 3).subscribe({
          next: (number) => numbers.push(number),
          complete: () => resolve(numbers),
          error: reject,
        });
      });
      assert.deepEqual(counted, [3, 2, 1, 0]);
      const went = received(ann, "went", 1);
      await bob.stop();
      assert.deepEqual(await went, [["bob"]]);
      await ann.stop();
    });
});
