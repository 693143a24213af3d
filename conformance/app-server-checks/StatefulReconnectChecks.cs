using System.Text.Json;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Stateful reconnect, end to end: sockets are cut without a goodbye, and nobody notices.</summary>
/// <param name="server">Has one server connection, so that all that it sends comes in order.</param>
sealed class StatefulReconnectChecks(AppServer server, Wire wire)
{
    public IEnumerable<Check> All =>
    [
        new("granted where the app server allows it, for WebSockets", Granted),
        new("numbers both ways come once and in order across cuts", Numbers),
        new("calls across cuts are answered once each", Calls),
        new("streams down go on across cuts", StreamsDown),
        new("500 KB and 3 MB, both ways, go whole where they begin while the socket is cut", Large),
        new("client results are answered across a cut", Results),
        new("sends to groups, users and all arrive once across cuts", Sends),
    ];

    /// <summary>A client whose sockets <paramref name="proxy"/> can cut.</summary>
    public static Task<AppClient> Connect(AppServer server, Wire wire, CuttingProxy proxy, string hub = "main") =>
        AppClient.Connect(server, wire, hub, OptionsFor(proxy));

    public static CuttingProxy ProxyFor(AppServer server) => new(server.Target.SelfHosted ? server.Url : server.Target.ServiceUrl);

    static ClientOptions OptionsFor(CuttingProxy proxy) => new() { StatefulReconnect = true, Reconnect = true, Through = proxy, User = new("ann") };

    async Task Granted()
    {
        var answers = new List<bool>();
        void Negotiated(JsonElement answer) => answers.Add(answer.TryGetProperty("useStatefulReconnect", out var granted) && granted.GetBoolean());
        await using (await AppClient.Connect(server, wire, "main", new() { StatefulReconnect = true, Negotiated = Negotiated }))
            Expect.True(answers[^1], "it was asked for and is not granted");
        await using (await AppClient.Connect(server, wire, "main", new() { Negotiated = Negotiated }))
            Expect.True(!answers[^1], "it was not asked for and is granted");
    }

    async Task Numbers()
    {
        const int count = 400;
        using var proxy = ProxyFor(server);
        await using var client = await Connect(server, wire, proxy);
        var (id, group, series) = (client.Id, Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"));
        await client.Do("Join", group);
        var flood = server.Post($"/flood?group={group}&n={count}&ms=4");
        for (var i = 0; i < count; i++)
        {
            if (i % 90 == 60) proxy.Cut();
            await client.Connection.SendAsync("Numbered", series, i);
            await Task.Delay(4);
        }
        await flood;
        for (var i = 0; i < count; i++) Expect.Equal(i, await client.Numbers.Next(), "the next number");
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call at the end");
        Expect.True(client.Numbers.IsEmpty, "a number came twice");
        var arrived = await server.Numbers(series);
        Expect.True(arrived.SequenceEqual(Enumerable.Range(0, count)), $"the app server got {arrived.Length} numbers, {arrived.Distinct().Count()} of {count}");
        await IsTheSame(client, id);
    }

    async Task IsTheSame(AppClient client, string id)
    {
        Expect.Equal($"{id} 0", $"{client.Id} {client.Reconnects}", "connection id and new connections");
        Expect.True(!(await server.Events()).Any(text => text.StartsWith($"disconnected MainHub {id}")), "the hub was told that the client is gone");
    }

    async Task Calls()
    {
        using var proxy = ProxyFor(server);
        await using var client = await Connect(server, wire, proxy);
        var id = client.Id;
        for (var round = 0; round < 5; round++)
        {
            var calls = Enumerable.Range(0, 40).Select(i => client.Call<string>("EchoSlow", $"{round}.{i}", i)).ToArray();
            await Task.Delay(round * 8);
            proxy.Cut();
            for (var i = 0; i < calls.Length; i++) Expect.Equal($"{round}.{i}", await calls[i], "a result");
        }
        var before = await client.Call<int>("Count");
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i =>
        {
            if (i == 15) proxy.Cut();
            return client.Call<int>("Count");
        }));
        Expect.Equal(before + 31, await client.Call<int>("Count"), "how often the hub was called");
        await IsTheSame(client, id);
    }

    async Task StreamsDown()
    {
        using var proxy = ProxyFor(server);
        await using var client = await Connect(server, wire, proxy);
        var cutting = CutAll(proxy, times: 4);
        var numbers = new List<int>();
        await foreach (var n in client.Connection.StreamAsync<int>("CountTo", 200, 3)) numbers.Add(n);
        Expect.True(numbers.SequenceEqual(Enumerable.Range(1, 200)), $"the stream has {numbers.Count} items");
        await cutting;
    }

    static async Task CutAll(CuttingProxy proxy, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await Task.Delay(150);
            proxy.Cut();
        }
    }

    // A cut in the midst of a large message is for javascript-stateful-client.ts: this client breaks then, self-hosted too.
    async Task Large()
    {
        using var proxy = ProxyFor(server);
        await using var client = await Connect(server, wire, proxy);
        var (id, mark) = (client.Id, Guid.NewGuid().ToString("N"));
        foreach (var size in new[] { 500_000, 3_000_000 })
        {
            var text = new string('x', size);
            proxy.Cut();
            await server.Send("client", "before " + mark, id);
            await server.Post($"/big?id={id}&length={size}&mark={mark}");
            Expect.Equal(size, await Expect.Soon(client.Connection.InvokeAsync<int>("Length", text), $"the answer to {size} up", 20), "the length up");
            Expect.Equal("before " + mark, await client.News.Next(), "the message before the large one");
            await client.News.Until(mark + new string('y', size), 20);
        }
        await IsTheSame(client, id);
    }

    async Task Results()
    {
        using var proxy = ProxyFor(server);
        await using var asked = AppClient.Build(server, wire, "results", OptionsFor(proxy));
        asked.AnswerQuestions();
        await asked.Start();
        for (var i = 0; i < 3; i++)
        {
            var answers = server.Post($"/ask-many?id={asked.Id}&n=30");
            await Task.Delay(i * 10);
            proxy.Cut();
            var texts = JsonSerializer.Deserialize<string[]>(await Expect.Soon(answers, "the answers", 20)) ?? [];
            Expect.True(texts.SequenceEqual(Enumerable.Range(0, 30).Select(n => "re: q" + n)), $"the answers: {string.Join(",", texts)}");
        }
    }

    async Task Sends()
    {
        using var proxy = ProxyFor(server);
        await using var client = await Connect(server, wire, proxy);
        await using var other = await AppClient.Connect(server, wire.Other);
        var (group, mark) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"));
        await client.Do("Join", group);
        var expected = new List<string>();
        for (var i = 0; i < 60; i++)
        {
            if (i % 20 == 10) proxy.Cut();
            expected.Add($"{mark}{i}");
            await ((i % 4) switch
            {
                0 => other.Do("ToGroup", group, expected[i]),
                1 => other.Do("ToUser", "uid:ann", expected[i]),
                2 => other.Do("ToClient", client.Id, expected[i]),
                _ => other.Do("ToAll", expected[i]),
            });
        }
        await other.Do("ToClient", client.Id, "end");
        var got = (await client.News.Until("end")).Where(text => text.StartsWith(mark)).ToList();
        Expect.True(got.Order().SequenceEqual(expected.Order()), $"{got.Count} messages, {got.Distinct().Count()} of {expected.Count}");
    }
}

/// <summary>Where and when stateful reconnect is granted, and with two app servers.</summary>
sealed class StatefulReconnectOptionChecks(Target target)
{
    public IEnumerable<Check> All =>
    [
        new("an app server that does not allow it: not granted", () => IsGranted(false)),
        new("allowed for one hub by MapHub", () => IsGranted(true, "--stateful-reconnects", "hubs")),
        new("MigrateClients: such a client moves under traffic, and a cut after that does no harm", Migrates, 90),
    ];

    async Task IsGranted(bool expected, params string[] arguments)
    {
        await using var server = await target.Start("stateful", arguments);
        var granted = false;
        void Negotiated(JsonElement answer) => granted = answer.TryGetProperty("useStatefulReconnect", out var value) && value.GetBoolean();
        await using var client = await AppClient.Connect(server, Wire.WebSocketsJson, "main", new() { StatefulReconnect = true, Negotiated = Negotiated });
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call");
        Expect.Equal(expected, granted, "whether it is granted");
    }

    async Task Migrates()
    {
        await using var pair = await target.StartTwo("--stateful-reconnects", "service", "--sticky", "Preferred", "--connections", "1", "--shutdown", "MigrateClients");
        using var proxy = StatefulReconnectChecks.ProxyFor(pair.A);
        await using var client = await StatefulReconnectChecks.Connect(pair.A, Wire.WebSocketsMessagePack, proxy);
        var (id, series) = (client.Id, Guid.NewGuid().ToString("N"));
        Expect.Equal("A", await client.Call<string>("Server"), "the server before");
        var traffic = new Traffic(client, series);
        await Task.Delay(300);
        await pair.A.Stop();
        await pair.A.Exits(25);
        proxy.Cut();
        await Task.Delay(500);
        await traffic.Stop();
        Expect.Equal("B", await client.Call<string>("Server"), "the server after");
        Expect.Equal($"{id} 0", $"{client.Id} {client.Reconnects}", "connection id and new connections");
        var numbers = await pair.B.Numbers(series);
        Expect.True(numbers.Length > 0 && numbers.SequenceEqual(Enumerable.Range(numbers[0], numbers.Length)) && numbers[^1] == traffic.Sent, "numbers at B are not without a gap up to the last that was sent");
    }
}
