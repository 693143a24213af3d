using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Hubwire.Conformance.AppServers;

/// <summary>How connections begin and end.</summary>
sealed class LifetimeChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("OnConnectedAsync: sends arrive after the handshake and in order", Greeting),
        new("OnConnectedAsync: an exception closes the client", OnConnectedThrows),
        new("OnConnectedAsync: Context.Abort closes the client", OnConnectedAborts),
        new("Context.Abort in a call closes the client for good", Abort),
        new("OnDisconnectedAsync: once, no exception, and it can still send", OnDisconnected),
        new("OnDisconnectedAsync: an exception harms nobody else", OnDisconnectedThrows),
        new("OnDisconnectedAsync: after a cut; the client reconnects with a new id", Cut),
        new("handshake: an unknown protocol is refused with the app server's text", UnknownProtocol),
        new("start, stop and start again", StartAgain),
        new("40 clients at once", ManyClients),
    ];

    async Task Greeting()
    {
        for (var i = 0; i < 5; i++)
        {
            await using var client = AppClient.Build(Server, Wire, "main", new() { Query = "onconnected=greet" });
            await client.Start();
            await client.News.Until("hello " + client.Id);
            Expect.Equal("to your id", await client.News.Next(), "the second message");
            await client.News.Until("group " + client.Id);
        }
    }

    async Task OnConnectedThrows()
    {
        await using var client = AppClient.Build(Server, Wire, "main", new() { Query = "onconnected=throw", Reconnect = true });
        // The handshake passes before OnConnectedAsync runs, so the start may or may not see the close.
        try { await client.Start(); } catch (Exception e) when (e is not CheckFailed) { return; }
        var error = await client.Closed();
        Expect.True(error?.Message.Contains("closed with an error") == true, $"the error of the close: {error?.Message ?? "none"}");
        Expect.Equal(0, client.Reconnects, "reconnects");
    }

    async Task OnConnectedAborts()
    {
        await using var client = AppClient.Build(Server, Wire, "main", new() { Query = "onconnected=abort", Reconnect = true });
        try { await client.Start(); } catch (Exception e) when (e is not CheckFailed) { return; }
        await client.Closed();
        Expect.Equal(0, client.Reconnects, "reconnects");
    }

    async Task Abort()
    {
        await using var client = await Connect(options: new() { Reconnect = true });
        await using var other = await Connect();
        var id = client.Id;
        _ = client.Connection.SendAsync("AbortMe");
        Expect.Equal(null, (await client.Closed())?.Message, "error of the close");
        Expect.Equal(0, client.Reconnects, "reconnects");
        await Server.Event($"disconnected MainHub {id} exception= ", "OnDisconnectedAsync without an exception");
        Expect.Equal("ok", await other.Call<string>("Echo", "ok"), "a call of another");
    }

    async Task OnDisconnected()
    {
        var group = Some("watchers");
        await using var watcher = await Connect();
        await watcher.Do("Join", group);
        await using var client = await Connect();
        var id = client.Id;
        await client.Do("Mark", "farewell", group);
        await client.Do("Join", group);
        await Expect.Soon(client.Connection.StopAsync(), "the stop");
        Expect.Equal(null, (await client.Closed())?.Message, "error of the close");
        Expect.Equal("farewell " + id, await watcher.News.Next(), "what OnDisconnectedAsync sent");
        await Server.Event($"disconnected MainHub {id} exception= ", "without an exception");
        await Task.Delay(200);
        Expect.Equal(1, (await Server.Events()).Count(e => e.StartsWith($"disconnected MainHub {id}")), "calls of OnDisconnectedAsync");
        Expect.Equal(1, (await Server.Events()).Count(e => e.StartsWith($"connected MainHub {id}")), "calls of OnConnectedAsync");
    }

    async Task OnDisconnectedThrows()
    {
        await using var other = await Connect();
        await using var client = await Connect();
        var id = client.Id;
        await client.Do("Mark", "throw on disconnect", "yes");
        await Expect.Soon(client.Connection.StopAsync(), "the stop");
        await Server.Event($"disconnected MainHub {id}", "OnDisconnectedAsync");
        Expect.Equal("ok", await other.Call<string>("Echo", "ok"), "a call of another");
    }

    async Task Cut()
    {
        using var proxy = new CuttingProxy(Server.Target.SelfHosted ? Server.Url : Server.Target.ServiceUrl);
        await using var client = await Connect(options: new() { Reconnect = true, Through = proxy });
        var id = client.Id;
        await client.Do("Join", "before the cut");
        proxy.Cut();
        var after = await client.Reconnected();
        Expect.True(after != id, "the new connection has a new id");
        await Server.Event($"disconnected MainHub {id}", "OnDisconnectedAsync of the cut connection", 45);
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call after the reconnect");
        await client.Do("ToGroup", "before the cut", "to the old group");
        await client.Do("ToCaller", "end");
        Expect.Equal(0, (await client.News.Until("end")).Count, "messages to the group of the old connection");
    }

    async Task UnknownProtocol()
    {
        IHubProtocol inner = Wire.MessagePack ? new MessagePackHubProtocol() : new JsonHubProtocol();
        await using var client = AppClient.Build(Server, Wire, "main", new() { Protocol = new RenamedProtocol(inner, "nope") });
        var error = await Expect.Fails(client.Connection.StartAsync(), "the start");
        Expect.True(error.Message.Contains("The protocol 'nope' is not supported"), $"the error: {error.Message}");
    }

    async Task StartAgain()
    {
        await using var client = await Connect();
        var first = client.Id;
        await Expect.Soon(client.Connection.StopAsync(), "the stop");
        await Expect.Soon(client.Connection.StartAsync(), "the second start");
        Expect.True(client.Id != first, "a new id");
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call");
    }

    async Task ManyClients()
    {
        var mark = Some("mark");
        var clients = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Connect()));
        try
        {
            await Task.WhenAll(clients.Select((client, i) => client.Call<int>("Add", i, 1)));
            await clients[0].Do("ToAll", mark);
            await Task.WhenAll(clients.Select(client => client.News.Until(mark)));
        }
        finally { await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask())); }
    }
}
