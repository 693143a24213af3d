using System.Security.Claims;
using System.Text.Json;
using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Options of AddAzureSignalR, each with an app server of its own.</summary>
sealed class OptionChecks(Target target)
{
    public IEnumerable<Check> All =>
    [
        new("one server connection", () => Works("--connections", "1")),
        new("20 server connections, tokens with HS512, MaxPollIntervalInSeconds", () => Works("--connections", "20", "--algorithm", "HS512", "--max-poll", "30")),
        new("detailed errors on all hubs", DetailedErrors),
        new("ApplicationName keeps apps of one service apart", ApplicationName),
        new("ClaimsProvider, TransportTypeDetector, DiagnosticClientFilter", Callbacks),
        new("no app server: a client with a good token is refused, soon", NoServer),
        new("an app server that starts again serves new clients at once", StartsAgain),
        .. target.HubwireCommand.Length > 0 ? [new Check("two endpoints: clients of both are reached; those of one that is killed go on at the other", TwoEndpoints, 90)] : Array.Empty<Check>(),
    ];

    async Task Works(params string[] arguments)
    {
        await using var server = await target.Start("option", arguments);
        foreach (var wire in Wire.All)
        {
            await using var client = await AppClient.Connect(server, wire, "main", new() { User = new("ann") });
            Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call");
            await client.Do("Join", "g");
            await client.Do("ToGroup", "g", "to the group");
            Expect.Equal("to the group", await client.News.Next(), "a group send");
            await server.Send("user", "to the user", "uid:ann");
            await client.News.Until("to the user");
        }
    }

    async Task DetailedErrors()
    {
        await using var server = await target.Start("detailed", "--detailed-errors");
        await using var client = await AppClient.Connect(server, Wire.WebSocketsJson);
        Expect.True((await Expect.Fails(client.Do("Throw", "in full"), "Throw")).Message.Contains("in full"), "the detail");
        await using var refused = AppClient.Build(server, Wire.WebSocketsJson, "main", new() { Query = "onconnected=throw" });
        try { await refused.Start(); }
        catch (Exception error) when (error is not CheckFailed) { return; } // closed before it saw that it was connected
        Expect.True((await refused.Closed())?.Message.Contains("not today") == true, "the close has the detail");
    }

    async Task ApplicationName()
    {
        await using var one = await target.Start("app1", "--app-name", "First");
        await using var two = await target.Start("app2", "--app-name", "second");
        await using var three = await target.Start("app3");
        foreach (var wire in Wire.All)
        {
            await using var a = await AppClient.Connect(one, wire);
            await using var b = await AppClient.Connect(two, wire);
            await using var c = await AppClient.Connect(three, wire);
            Expect.Equal("app1,app2,app3", $"{await a.Call<string>("Server")},{await b.Call<string>("Server")},{await c.Call<string>("Server")}", "the servers");
            await a.Do("ToAll", "of app1");
            await b.Do("ToAll", "of app2");
            await c.Do("ToAll", "of app3");
            Expect.Equal("of app1", await a.News.Next(), "app1 got");
            Expect.Equal("of app2", await b.News.Next(), "app2 got");
            Expect.Equal("of app3", await c.News.Next(), "app3 got");
            await a.Do("ToClient", b.Id, "across apps");
            await b.Do("ToCaller", "end");
            Expect.Equal("end", await b.News.Next(), "app2 got after a send across apps");
        }
    }

    async Task Callbacks()
    {
        await using var server = await target.Start("callbacks", "--callbacks");
        var transports = new List<string?>();
        var options = new ClientOptions { User = new("ann"), Query = "diagnostic", Negotiated = answer => transports.AddRange(TransportsOf(answer)) };
        await using var client = await AppClient.Connect(server, Wire.All[^1], "main", options);
        Expect.Equal("LongPolling", string.Join(",", transports), "the transports that the service offers");
        var who = await client.Call<WhoIs>("Who");
        Expect.Equal("uid:ann", who.UserId, "the user id");
        var claims = string.Join("; ", who.Claims ?? []);
        Expect.True(claims.Contains("from=the claims provider") && claims.Contains("path=/main/negotiate"), $"the claims: {claims}");
        Expect.True(!claims.Contains(ClaimTypes.Email), $"the claims of the user are there in spite of the provider: {claims}");
        await client.Do("ToCaller", "to a diagnostic client");
        Expect.Equal("to a diagnostic client", await client.News.Next(), "a send");
    }

    static IEnumerable<string?> TransportsOf(JsonElement answer) =>
        answer.TryGetProperty("availableTransports", out var list) ? list.EnumerateArray().Select(one => one.GetProperty("transport").GetString()) : [];

    async Task NoServer()
    {
        await using var a = await target.Start("A", "--app-name", "gone");
        var direct = await a.Negotiate("main");
        a.Kill();
        await a.Exits(5);
        await Task.Delay(1000);
        foreach (var wire in Wire.All)
        {
            await using var client = AppClient.Build(a, wire, "main", new() { Direct = direct });
            await Expect.Fails(client.Connection.StartAsync(), "the start", 20);
        }
    }

    async Task StartsAgain()
    {
        for (var i = 0; i < 3; i++)
        {
            await using var server = await target.Start("again" + i);
            await using var client = await AppClient.Connect(server, Wire.All[i]);
            Expect.Equal("again" + i, await client.Call<string>("Server"), "the server");
        }
    }

    async Task TwoEndpoints()
    {
        await using var second = await HubwireProcess.Start(target, "second");
        await using var server = await target.Start("two-endpoints", "--connection-string", second.ConnectionString);
        var clients = await Task.WhenAll(Enumerable.Range(0, 15).Select(i => AppClient.Connect(server, Wire.All[i % Wire.All.Length], "main", new() { Reconnect = true })));
        try
        {
            foreach (var client in clients) await client.Do("Join", "everyone");
            await server.Send("group", "to both", "everyone");
            foreach (var client in clients) await client.News.Until("to both");
            second.Kill();
            await Task.Delay(1000);
            foreach (var client in clients) await Expect.Comes(() => Task.FromResult(client.Connection.State == HubConnectionState.Connected), "a client is connected to the other", 30);
            Expect.True(clients.Any(client => client.Reconnects > 0) && clients.Any(client => client.Reconnects == 0), "clients were spread over both");
            await server.Send("all", "to who is left");
            foreach (var client in clients) await client.News.Until("to who is left");
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }
}
