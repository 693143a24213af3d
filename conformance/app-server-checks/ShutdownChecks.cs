using System.Diagnostics;
using Microsoft.AspNetCore.SignalR.Client;
using Hubwire.Conformance.App;

namespace Hubwire.Conformance.AppServers;

/// <summary>App servers that die, stop, wait for their clients, or hand them over. Each check starts two.</summary>
sealed class ShutdownChecks(Target target, Wire wire)
{
    /// <summary>What also holds self-hosted. A WebSocket does not go through <see cref="Failover"/>, so those do not come back there.</summary>
    public IEnumerable<Check> SelfHosted =>
    [
        new("killed: its clients are closed, others are not disturbed", Killed, 90),
        .. wire.IsWebSockets ? Array.Empty<Check>() :
        [
            new Check("killed: clients with automatic reconnect come back on the other", KilledReconnect, 90),
            new Check("stopped: clients come back on the other", Stopped, 90),
        ],
    ];

    public IEnumerable<Check> All =>
    [
        new("killed: its clients are closed, others are not disturbed", Killed, 90),
        new("killed: clients with automatic reconnect come back on the other", KilledReconnect, 90),
        new("killed: a client result that it was asked across fails, for the caller that lives", KilledAsked, 90),
        new("GracefulShutdown Off, stopped: clients come back on the other", Stopped, 90),
        new("GracefulShutdown WaitForClientsClose: clients go on, new ones go elsewhere, then it ends", Waits, 90),
        new("GracefulShutdown WaitForClientsClose: at its timeout clients come back on the other", WaitTimeout, 90),
        new("GracefulShutdown MigrateClients: connections, groups and messages live on at the other, under traffic", Migrates, 90),
        new("GracefulShutdown MigrateClients: there and back again", MigratesBack, 120),
        new("GracefulShutdown MigrateClients: with nowhere to go clients are closed and it ends", MigrateNowhere, 90),
    ];

    Task<Pair> Two(params string[] arguments) => target.StartTwo(["--sticky", "Preferred", .. arguments]);

    Task<AppClient> On(AppServer server, ClientOptions? options = null, string hub = "main") => AppClient.Connect(server, wire, hub, options);

    async Task Killed()
    {
        await using var pair = await Two();
        await using var onA = await On(pair.A);
        await using var onB = await On(pair.B);
        Expect.Equal("A,B", $"{await onA.Call<string>("Server")},{await onB.Call<string>("Server")}", "the servers");
        var pending = onA.Connection.InvokeAsync<string>("EchoSlow", "never", 20_000);
        await Task.Delay(200);
        pair.A.Kill();
        await onA.Closed(10);
        await Expect.Fails(pending, "the call that was pending");
        Expect.Equal("ok", await onB.Call<string>("Echo", "ok"), "a call of the other");
        await onB.Do("ToAll", "after");
        Expect.Equal("after", await onB.News.Next(), "a send after");
        await using var fresh = await On(pair.B);
        Expect.Equal("B", await fresh.Call<string>("Server"), "the server of a new client");
    }

    async Task KilledReconnect()
    {
        await using var pair = await Two();
        var clients = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => On(pair.A, new() { Reconnect = true, Fallback = [pair.B], User = new("ann") })));
        try
        {
            await clients[0].Do("Join", "old group");
            var ids = clients.Select(c => c.Id).ToArray();
            pair.A.Kill();
            for (var i = 0; i < clients.Length; i++)
            {
                Expect.True(await clients[i].Reconnected() != ids[i], "a new id");
                Expect.Equal("B", await clients[i].Call<string>("Server"), "the server after");
                Expect.Equal("uid:ann", (await clients[i].Call<WhoIs>("Who")).UserId, "the user after");
            }
            await clients[1].Do("ToGroup", "old group", "to the old group");
            await clients[1].Do("ToUser", "uid:ann", "to ann");
            foreach (var client in clients) Expect.Equal(0, (await client.News.Until("to ann")).Count, "messages to the group that was lost");
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }

    async Task KilledAsked()
    {
        await using var pair = await Two();
        await using var asked = await Samples.Answering(pair.A, wire);
        await using var asking = await On(pair.B, hub: "results");
        var pending = asking.Connection.InvokeAsync<string>("AskError", asked.Id, "askSlow");
        await Task.Delay(300);
        pair.A.Kill();
        var outcome = await Expect.Soon(pending, "the outcome of the client result", 15);
        Expect.True(outcome.Contains("Exception: "), $"the outcome: {outcome}");
    }

    async Task Stopped()
    {
        await using var pair = await Two("--shutdown", "Off");
        await using var client = await On(pair.A, new() { Reconnect = true, Fallback = [pair.B] });
        await pair.A.Stop();
        await client.Reconnected();
        Expect.Equal("B", await client.Call<string>("Server"), "the server after");
        await pair.A.Exits(15);
    }

    async Task Waits()
    {
        await using var pair = await Two("--shutdown", "WaitForClientsClose", "--shutdown-timeout", "40");
        await using var client = await On(pair.A, new() { Fallback = [pair.B] });
        var id = client.Id;
        await client.Do("Join", "waiting");
        await pair.A.Stop();
        var clock = Stopwatch.StartNew();
        var calls = 0;
        while (clock.Elapsed < TimeSpan.FromSeconds(4))
        {
            Expect.Equal("A", await client.Call<string>("Server"), "the server while it waits");
            calls++;
            await Task.Delay(20);
        }
        await pair.B.Send("group", "from B", "waiting");
        Expect.Equal("from B", await client.News.Next(), "a send while it waits");
        // A still negotiates with sticky Preferred, but its server connections take no one new.
        for (var i = 0; i < 4; i++)
        {
            await using var fresh = await On(pair.A, new() { Fallback = [pair.B] });
            Expect.Equal("B", await fresh.Call<string>("Server"), "the server of a new client");
        }
        Expect.Equal(id, client.Id, "the connection id");
        Expect.True(!pair.A.HasExited && calls > 5, $"A still runs after {calls} calls");
        await Expect.Soon(client.Connection.StopAsync(), "the stop");
        await pair.A.Exits(20);
    }

    async Task WaitTimeout()
    {
        await using var pair = await Two("--shutdown", "WaitForClientsClose", "--shutdown-timeout", "4");
        await using var client = await On(pair.A, new() { Reconnect = true, Fallback = [pair.B] });
        await pair.A.Stop();
        await client.Reconnected(25);
        Expect.Equal("B", await client.Call<string>("Server"), "the server after");
        await pair.A.Exits(15);
    }

    async Task Migrates()
    {
        await using var pair = await Two("--shutdown", "MigrateClients", "--shutdown-timeout", "30");
        await using var mover = await On(pair.A, new() { User = new("ann"), Query = "room=one" });
        await using var idle = await On(pair.A, new() { User = new("bob") });
        await using var settled = await On(pair.B);
        var (id, idleId) = (mover.Id, idle.Id);
        await mover.Do("Join", "moving");
        await idle.Do("Join", "moving");
        await settled.Do("Join", "moving");
        var series = Guid.NewGuid().ToString("N");
        var traffic = new Traffic(mover, series);
        var flood = pair.B.Post("/flood?group=moving&n=300&ms=10");
        await Task.Delay(500);
        await pair.A.Stop();
        await pair.A.Exits(25);
        await Task.Delay(500);
        await traffic.Stop();
        await flood;
        Expect.Equal("B", await mover.Call<string>("Server"), "the server after");
        Expect.Equal("B", await idle.Call<string>("Server"), "the server of the idle client after");
        Expect.Equal($"{id} {idleId} 0 0", $"{mover.Id} {idle.Id} {mover.Reconnects} {idle.Reconnects}", "connection ids and reconnects");
        foreach (var (client, who) in new[] { (mover, "the mover"), (idle, "the idle client"), (settled, "the settled client") })
        {
            await client.Do("ToCaller", "end");
            var numbers = client.Numbers.Drain();
            // The messages come from IHubContext over several server connections: complete and once each, in any order.
            numbers.Sort();
            Expect.True(numbers.SequenceEqual(Enumerable.Range(0, 300)), $"{who} got {numbers.Count} numbers, {numbers.Distinct().Count()} of 300");
        }
        Expect.Equal("uid:ann", (await mover.Call<WhoIs>("Who")).UserId, "the user after");
        await settled.Do("ToUser", "uid:ann", "to the user");
        await mover.News.Until("to the user");
        var onB = await pair.B.Numbers(series);
        Expect.True(onB.Length > 0, "numbered messages arrived at B");
        Expect.True(onB.SequenceEqual(Enumerable.Range(onB[0], onB.Length)) && onB[^1] == traffic.Sent, $"the numbered messages at B: {onB[0]} to {onB[^1]}, {onB.Length} of them; sent up to {traffic.Sent}");
        Expect.True(traffic.Lost <= 1, $"{traffic.Lost} of {traffic.Calls} calls were lost"); // the SDK drops what the old app server still says
        await pair.B.Event($"connected MainHub {id} migration=A_", "OnConnectedAsync of a migrated client sees where it comes from");
    }

    async Task MigratesBack()
    {
        await using var pair = await Two("--shutdown", "MigrateClients", "--shutdown-timeout", "30");
        await using var client = await On(pair.A);
        var id = client.Id;
        await client.Do("Join", "moving");
        await pair.A.Stop();
        await pair.A.Exits(25);
        Expect.Equal("B", await client.Call<string>("Server"), "the server after the first move");
        await using var third = await target.Start("C", "--sticky", "Preferred", "--shutdown", "MigrateClients");
        await pair.B.Stop();
        await pair.B.Exits(25);
        Expect.Equal("C", await client.Call<string>("Server"), "the server after the second move");
        await third.Send("group", "still a member", "moving");
        Expect.Equal("still a member", await client.News.Next(), "a send to the group");
        Expect.Equal(id, client.Id, "the id");
        Expect.Equal(20, await Expect.Soon(client.Connection.StreamAsync<int>("CountTo", 20, 1).CountAsync().AsTask(), "the stream"), "stream items after two moves");
    }

    async Task MigrateNowhere()
    {
        await using var only = await target.Start("only", "--shutdown", "MigrateClients", "--shutdown-timeout", "10");
        await using var client = await On(only);
        await only.Stop();
        await client.Closed(20);
        await only.Exits(20);
    }
}
