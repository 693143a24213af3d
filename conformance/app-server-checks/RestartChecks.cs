using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Hubwire itself goes and comes back under connected app servers and clients; all wires at once.</summary>
sealed class RestartChecks(Target target)
{
    public IEnumerable<Check> All =>
    [
        new("killed and started again: app servers and clients come back by themselves", () => ComesBack(hubwire => hubwire.Kill()), 120),
        new("SIGTERM, and started again: app servers and clients come back by themselves", () => ComesBack(hubwire => hubwire.Terminate()), 120),
    ];

    async Task ComesBack(Action<HubwireProcess> end)
    {
        await using var hubwire = await HubwireProcess.Start(target, "hubwire");
        var own = target with { ConnectionString = hubwire.ConnectionString };
        await using var pair = await own.StartTwo("--sticky", "Preferred");
        var clients = await Task.WhenAll(Wire.All.Select((wire, i) => AppClient.Connect(i % 2 == 0 ? pair.A : pair.B, wire, "main", new() { Reconnect = true, User = new("ann") })));
        try
        {
            var pending = clients[0].Connection.InvokeAsync<string>("EchoSlow", "never", 30_000);
            end(hubwire);
            await hubwire.Exits(15);
            await Expect.Fails(pending, "the call that was pending");
            await Task.Delay(2000);
            await hubwire.StartAgain();
            foreach (var client in clients) await client.Reconnected(40);
            for (var i = 0; i < clients.Length; i++) Expect.Equal(i % 2 == 0 ? "A" : "B", await clients[i].Call<string>("Server"), "the server after");
            await IsServedAsBefore(clients, pair);
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }

    static async Task IsServedAsBefore(AppClient[] clients, Pair pair)
    {
        foreach (var client in clients) await client.Do("Join", "everyone");
        await pair.A.Send("group", "to the group", "everyone");
        foreach (var client in clients) await client.News.Until("to the group");
        await pair.B.Send("user", "to the user", "uid:ann");
        foreach (var client in clients) await client.News.Until("to the user");
        await using var fresh = await AppClient.Connect(pair.B, Wire.WebSocketsJson, "main");
        Expect.Equal("ok", await fresh.Call<string>("Echo", "ok"), "a call of a new client");
    }
}
