using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Which of two app servers a client gets.</summary>
sealed class StickyChecks(Target target)
{
    public IEnumerable<Check> All =>
    [
        new("Disabled: 30 clients of one app server are spread over both", Spread),
        new("Required: every client lands where it negotiated", () => Lands("Required")),
        new("Preferred: every client lands where it negotiated", () => Lands("Preferred")),
        new("Required: a token of an app server that is gone is refused", RequiredGone),
        new("Preferred: a token of an app server that is gone leads to another", PreferredGone),
    ];

    async Task Spread()
    {
        await using var pair = await target.StartTwo();
        var clients = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => AppClient.Connect(pair.A, Wire.All[i % Wire.All.Length])));
        try
        {
            var servers = await Task.WhenAll(clients.Select(client => client.Call<string>("Server")));
            var (onA, onB) = (servers.Count(name => name == "A"), servers.Count(name => name == "B"));
            Expect.True(onA >= 5 && onB >= 5, $"A has {onA}, B has {onB}");
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }

    async Task Lands(string mode)
    {
        await using var pair = await target.StartTwo("--sticky", mode);
        for (var i = 0; i < 20; i++)
        {
            var server = i % 2 == 0 ? pair.A : pair.B;
            await using var client = await AppClient.Connect(server, Wire.All[i % Wire.All.Length]);
            Expect.Equal(server.Name, await client.Call<string>("Server"), "the server");
        }
    }

    async Task RequiredGone()
    {
        await using var pair = await target.StartTwo("--sticky", "Required");
        var direct = await pair.A.Negotiate("main");
        await using (var client = await AppClient.Connect(pair.A, Wire.WebSocketsJson, "main", new() { Direct = direct }))
            Expect.Equal("A", await client.Call<string>("Server"), "the server before");
        await Gone(pair.A);
        foreach (var wire in Wire.All)
        {
            await using var client = AppClient.Build(pair.A, wire, "main", new() { Direct = direct });
            await Expect.Fails(client.Connection.StartAsync(), "the start", 20);
        }
    }

    async Task PreferredGone()
    {
        await using var pair = await target.StartTwo("--sticky", "Preferred");
        var direct = await pair.A.Negotiate("main");
        await Gone(pair.A);
        foreach (var wire in Wire.All)
        {
            await using var client = await AppClient.Connect(pair.A, wire, "main", new() { Direct = direct });
            Expect.Equal("B", await client.Call<string>("Server"), "the server");
        }
    }

    static async Task Gone(AppServer server)
    {
        server.Kill();
        await server.Exits(5);
        await Task.Delay(1000); // until the service has noticed
    }
}
