using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Messages of up to 5 MB.</summary>
sealed class LargeMessageChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("large: 64 KB and 500 KB both ways", () => Large([64_000, 500_000], [64_000, 500_000])),
        new("large: 5 MB down", () => Large([], [5_000_000])),
        .. Wire.IsWebSockets ? [new Check("large: 5 MB up", () => Large([5_000_000], []))] : Array.Empty<Check>(),
        new("large: 500 KB to 5 clients at once", LargeToAll),
    ];

    async Task Large(int[] up, int[] down)
    {
        await using var client = await Connect();
        foreach (var size in up)
        {
            var text = string.Concat(Enumerable.Range(0, size / 8).Select(i => i.ToString("D8")));
            Expect.Equal(text.Length, await Expect.Soon(client.Connection.InvokeAsync<int>("Length", text), $"the result of {size} up", 30), "the length up");
        }
        foreach (var size in down)
            Expect.Equal(size, (await Expect.Soon(client.Connection.InvokeAsync<string>("Big", size), $"the result of {size} down", 30)).Length, "the length down");
        if (up.Length > 0 && down.Length > 0)
        {
            var bytes = new byte[300_000];
            Random.Shared.NextBytes(bytes);
            var echoed = await Expect.Soon(client.Connection.InvokeAsync<byte[]>("EchoBytes", bytes), "the bytes", 30);
            Expect.True(bytes.SequenceEqual(echoed), "300 KB of random bytes came back changed");
        }
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call afterwards");
    }

    async Task LargeToAll()
    {
        var mark = Some("mark");
        var clients = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Connect()));
        try
        {
            await clients[0].Do("BigToAll", mark, 500_000);
            foreach (var client in clients) await client.News.Until(mark + new string('y', 500_000), 30);
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }
}
