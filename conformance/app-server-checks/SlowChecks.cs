using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>What takes its time; all wires at once.</summary>
sealed class SlowChecks(AppServer server)
{
    public IEnumerable<Check> All =>
    [
        new("idle for 40 s: pings of the app server keep every client connected", Idle, 90),
        new("a silent client is closed by the app server after its client timeout", Silent, 90),
    ];

    async Task Idle()
    {
        var options = new ClientOptions { ServerTimeout = TimeSpan.FromSeconds(25) };
        var clients = await Task.WhenAll(Wire.All.Select(wire => AppClient.Connect(server, wire, "main", options)));
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(40));
            foreach (var client in clients)
            {
                Expect.True(!client.IsClosed, "a client was closed");
                Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call after 40 s");
            }
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }

    async Task Silent()
    {
        var options = new ClientOptions { ServerTimeout = TimeSpan.FromMinutes(10), KeepAlive = TimeSpan.FromMinutes(10) };
        await using var client = await AppClient.Connect(server, Wire.WebSocketsJson, "main", options);
        var id = client.Id;
        await client.Closed(50); // ASP.NET Core's ClientTimeoutInterval is 30 s
        await server.Event($"disconnected MainHub {id}", "OnDisconnectedAsync");
    }
}
