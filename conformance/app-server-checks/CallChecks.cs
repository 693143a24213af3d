using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Calls, their results and errors, and what the hub sends meanwhile.</summary>
sealed class CallChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("calls: results of every shape come back equal", Shapes),
        new("calls: the largest numbers, decimals, null and no result", Numbers),
        new("calls: names, overload of arguments, unknown method", Names),
        new("calls: 200 at once each get their own result, one after another 200", Many),
        new("calls: Context.Items lives as long as the connection", Items),
        new("sends: arguments of every shape, none, and 500 in order", SendShapes),
        new("errors: a HubException shows its text, another only with detailed errors", Errors),
    ];

    async Task Shapes()
    {
        await using var client = await Connect();
        var sample = Samples.Shape();
        Expect.Equal(Json(sample), Json(await client.Call<Shape>("EchoShape", sample)), "a deep object");
        var empty = new Shape { When = sample.When };
        Expect.Equal(Json(empty), Json(await client.Call<Shape>("EchoShape", empty)), "an empty object");
        Expect.Equal(null, await client.Call<Shape?>("EchoNullable", [null]), "null");
        Expect.Equal("", await client.Call<string>("Echo", ""), "an empty text");
        Expect.Equal(sample.Text, await client.Call<string>("EchoAsync", sample.Text), "an odd text");
        Expect.Equal("slow", await client.Call<string>("EchoSlow", "slow", 100), "a slow result");
        Expect.Equal(false, await client.Call<bool>("Not", true), "a boolean");
        Expect.Equal("[]", Json(await client.Call<int[]>("EchoInts", Array.Empty<int>())), "an empty array");
        Expect.Equal("[1,2,-3]", Json(await client.Call<int[]>("EchoInts", new[] { 1, 2, -3 })), "an array");
        var bytes = Enumerable.Range(0, 3000).Select(i => (byte)i).ToArray();
        var echoed = await client.Call<byte[]>("EchoBytes", bytes);
        Expect.True(bytes.SequenceEqual(echoed), "bytes are equal");
        Expect.Equal("""{"a":1,"":2}""", Json(await client.Call<Dictionary<string, int>>("EchoMap", new Dictionary<string, int> { ["a"] = 1, [""] = 2 })), "a map");
        Expect.Equal("""[["a"],[],["b","c"]]""", Json(await client.Call<List<List<string>>>("EchoNested", new List<List<string>> { new() { "a" }, new(), new() { "b", "c" } })), "nested arrays");
    }

    async Task Numbers()
    {
        await using var client = await Connect();
        foreach (var n in new[] { long.MinValue, long.MaxValue, 9007199254740993, 0, -1, int.MaxValue + 1L }) Expect.Equal(n, await client.Call<long>("EchoLong", n), "a long");
        Expect.Equal(ulong.MaxValue, await client.Call<ulong>("EchoULong", ulong.MaxValue), "the largest ulong");
        foreach (var n in new[] { double.MaxValue, double.Epsilon, -0.0, 1e21, 0.1 + 0.2 }) Expect.Equal(n, await client.Call<double>("EchoDouble", n), "a double");
        foreach (var n in new[] { decimal.MaxValue, 0.0000000000000000000000000001m, 1.10m }) Expect.Equal(n, await client.Call<decimal>("EchoDecimal", n), "a decimal");
        Expect.Equal(null, await client.Call<object?>("Null"), "a null result");
        await client.Do("Void");
        await client.Do("VoidTask");
        Expect.Equal(null, await client.Call<object?>("Void"), "no result, read as a result");
        Expect.Equal(5, await client.Call<int>("Add", 2, 3), "a sum");
    }

    async Task Names()
    {
        await using var client = await Connect();
        Expect.Equal("renamed", await client.Call<string>("renamed"), "a renamed method");
        Expect.Equal("x", await client.Call<string>("eCHO", "x"), "a method in odd case");
        Expect.True((await Expect.Fails(client.Call<string>("HasAnotherName"), "the old name")).Message.Contains("Method does not exist"), "the error of the old name says so");
        var error = await Expect.Fails(client.Call<string>("NoSuchMethod", 1), "an unknown method");
        Expect.True(error is HubException && error.Message.Contains("Method does not exist"), $"the error of an unknown method: {error.Message}");
        Expect.True(await Expect.Fails(client.Call<int>("Add", 1), "too few arguments") is HubException, "too few arguments are a HubException");
        Expect.Equal(3, await client.Call<int>("Add", 1, 2), "a call after errors");
    }

    async Task Many()
    {
        await using var client = await Connect();
        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => client.Call<string>("Echo", "text " + i)));
        for (var i = 0; i < results.Length; i++) Expect.Equal("text " + i, results[i], "a result");
        var n = Wire.IsWebSockets ? 200 : 30;
        for (var i = 0; i < n; i++) Expect.Equal(i, await client.Call<int>("Add", i, 0), "a result in turn");
    }

    async Task Items()
    {
        await using var client = await Connect();
        await using var other = await Connect();
        for (var i = 1; i <= 3; i++) Expect.Equal(i, await client.Call<int>("Count"), "the count");
        Expect.Equal(1, await other.Call<int>("Count"), "the count of another");
    }

    async Task SendShapes()
    {
        await using var client = await Connect();
        var got = new TaskCompletionSource<string>();
        var nothing = new TaskCompletionSource();
        client.Connection.On<Shape, long, string?>("shapes", (shape, number, text) => got.TrySetResult($"{Json(shape)} {number} {text ?? "null"}"));
        client.Connection.On("nothing", () => nothing.TrySetResult());
        await client.Do("Shapes", Samples.Shape(), long.MaxValue, null);
        Expect.Equal($"{Json(Samples.Shape())} {long.MaxValue} null", await Expect.Soon(got.Task, "the message with shapes"), "the arguments");
        await client.Do("NoArguments");
        await Expect.Soon(nothing.Task, "the message without arguments");
        await client.Do("Burst", 500);
        for (var i = 0; i < 500; i++) Expect.Equal(i, await client.Numbers.Next(), "the next number");
    }

    async Task Errors()
    {
        await using var client = await Connect();
        await using var detailed = await Connect("detailed");
        foreach (var method in new[] { "ThrowHub", "ThrowHubAsync" })
            Expect.True((await Expect.Fails(client.Do(method, "my text"), method)).Message.EndsWith("HubException: my text"), $"{method} shows its text");
        var hidden = await Expect.Fails(client.Do("Throw", "a secret"), "Throw");
        Expect.True(hidden is HubException && !hidden.Message.Contains("a secret"), $"without detailed errors: {hidden.Message}");
        var shown = await Expect.Fails(detailed.Do("Throw", "no secret"), "Throw");
        Expect.True(shown.Message.Contains("InvalidOperationException: no secret"), $"with detailed errors: {shown.Message}");
        Expect.Equal("still", await client.Call<string>("Echo", "still"), "a call after errors");
    }
}
