using System.Text.Json;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>What newer SDKs ask of the service: renewed claims, and who is in a group.</summary>
sealed class NewerMessageChecks(AppServer server, Wire wire)
{
    public IEnumerable<Check> All =>
    [
        new("a client's claims are renewed, and its hub sees them", Renews),
        new("the claims of a client are told by its connection token", Claims),
        new("an unknown connection token is told as such", Unknown),
        new("the members of a group come in pages, with their user ids", Members),
        new("bytes that the SDK counts of a client", ReceivedBytes),
    ];

    async Task<(AppClient Client, string Token)> Connect()
    {
        var token = "";
        void Negotiated(JsonElement answer)
        {
            if (answer.TryGetProperty("connectionToken", out var value)) token = Uri.EscapeDataString(value.GetString() ?? "");
        }
        var client = await AppClient.Connect(server, wire, "main", new() { User = new("ann", ["admin"]), Negotiated = Negotiated });
        return (client, token);
    }

    async Task Renews()
    {
        var (client, token) = await Connect();
        await using var _ = client;
        var outcome = await server.Post($"/renew?token={token}&claim=one,two");
        Expect.True(outcome.StartsWith("Ok"), $"the outcome: {outcome}");
        await Expect.Comes(async () => (await client.Call<string[]>("RenewedClaims")).Contains("renewed=two"), "the hub sees the renewed claims");
        Expect.Equal("uid:ann", (await client.Call<App.WhoIs>("Who")).UserId, "the user id afterwards");
        await server.Send("user", "still ann", "uid:ann");
        await client.News.Until("still ann");
    }

    async Task Claims()
    {
        var (client, token) = await Connect();
        await using var _ = client;
        var outcome = await server.Post($"/claims?token={token}");
        Expect.True(outcome.StartsWith("Ok") && outcome.Contains("Name of ann"), $"the outcome: {outcome}");
    }

    async Task Unknown()
    {
        foreach (var path in new[] { "/renew?token=nobody", "/claims?token=nobody" })
        {
            var outcome = await server.Post(path);
            Expect.True(outcome.StartsWith("NotFound"), $"the outcome of {path}: {outcome}");
        }
    }

    async Task Members()
    {
        var group = Guid.NewGuid().ToString("N");
        var clients = await Task.WhenAll(Enumerable.Range(0, 7).Select(i => AppClient.Connect(server, wire, "main", new() { User = i % 2 == 0 ? new("even") : null })));
        try
        {
            foreach (var client in clients) await client.Do("Join", group);
            var expected = clients.Select((client, i) => $"{client.Id} {(i % 2 == 0 ? "uid:even" : "")}").Order();
            var pages = await MembersOf($"group={group}&pageSize=3");
            Expect.Equal("3,3,1", string.Join(",", pages.Select(page => page.Length)), "the sizes of the pages");
            Expect.True(pages.SelectMany(page => page).Order().SequenceEqual(expected), $"the members: {string.Join("; ", pages.SelectMany(page => page))}");
            pages = await MembersOf($"group={group}&pageSize=3&top=5");
            Expect.Equal(5, pages.Sum(page => page.Length), "the members of the first five");
            Expect.Equal(0, (await MembersOf("group=nobody&pageSize=3")).Sum(page => page.Length), "the members of an unknown group");
        }
        finally { foreach (var client in clients) await client.DisposeAsync(); }
    }

    async Task<string[][]> MembersOf(string query) => JsonSerializer.Deserialize<string[][]>(await server.Post($"/members?{query}")) ?? [];

    async Task ReceivedBytes()
    {
        var (client, _) = await Connect();
        await using var __ = client;
        await client.Connection.InvokeAsync<int>("Length", new string('x', 10_000));
        var bytes = await client.Call<long>("ReceivedBytes");
        Expect.True(bytes is > 10_000 and < 20_000, $"the SDK counted {bytes} bytes");
    }
}
