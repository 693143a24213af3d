using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Streams down, up and both ways.</summary>
sealed class StreamChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("streams down: IAsyncEnumerable and ChannelReader, whole and in order", StreamsDown),
        new("streams down: a cancel by the client reaches the hub", StreamCancel),
        new("streams down: an error ends the stream with its text", StreamError),
        new("streams up: one, two at once, empty, and 500 items", StreamsUp),
        new("streams up: the client's error reaches the hub", StreamUpError),
        new("streams both ways at once", StreamBoth),
    ];

    async Task StreamsDown()
    {
        await using var client = await Connect();
        var numbers = await Expect.Soon(Collect(client.Connection.StreamAsync<int>("CountTo", 300, 0)), "the end of the stream");
        Expect.True(numbers.SequenceEqual(Enumerable.Range(1, 300)), $"1 to 300 in order, got {numbers.Count}");
        var items = await Expect.Soon(Collect(client.Connection.StreamAsync<string>("ReadChannel", 50)), "the end of the channel");
        Expect.True(items.SequenceEqual(Enumerable.Range(0, 50).Select(i => "item " + i)), $"50 items in order, got {items.Count}");
        var channel = await Expect.Soon(client.Connection.StreamAsChannelAsync<int>("CountTo", 3, 10), "the channel");
        Expect.Equal(1, await Expect.Soon(channel.ReadAsync().AsTask(), "an item"), "the first item");
        var both = await Task.WhenAll(Collect(client.Connection.StreamAsync<int>("CountTo", 100, 1)), Collect(client.Connection.StreamAsync<int>("CountTo", 50, 2)));
        Expect.Equal("5050,1275", string.Join(",", both.Select(stream => stream.Sum())), "the sums of two streams at once");
    }

    static async Task<List<T>> Collect<T>(IAsyncEnumerable<T> stream)
    {
        var items = new List<T>();
        await foreach (var item in stream) items.Add(item);
        return items;
    }

    async Task StreamCancel()
    {
        await using var client = await Connect();
        using var cancel = new CancellationTokenSource();
        await Expect.Fails(CancelAtFifth(), "the cancelled stream");
        await Server.Event($"stream ended {client.Id} at a cancel", "the hub sees the cancel");
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call after the cancel");

        async Task CancelAtFifth()
        {
            await foreach (var n in client.Connection.StreamAsync<int>("CountTo", 100_000, 5, cancel.Token)) if (n == 5) cancel.Cancel();
        }
    }

    async Task StreamError()
    {
        await using var client = await Connect();
        var seen = new List<int>();
        var error = await Expect.Fails(ReadAll(), "the broken stream");
        Expect.Equal("1,2,3,4,5", string.Join(",", seen), "the items before the error");
        Expect.True(error.Message.Contains("the stream broke"), $"the error: {error.Message}");

        async Task ReadAll()
        {
            await foreach (var n in client.Connection.StreamAsync<int>("StreamThenThrow", 5)) seen.Add(n);
        }
    }

    static async IAsyncEnumerable<T> From<T>(IEnumerable<T> items, int ms = 0)
    {
        foreach (var item in items)
        {
            await Task.Delay(ms);
            yield return item;
        }
    }

    async Task StreamsUp()
    {
        await using var client = await Connect();
        Expect.Equal(125_250, await Expect.Soon(client.Connection.InvokeAsync<int>("Sum", From(Enumerable.Range(1, 500))), "the sum", 30), "the sum of 500 items");
        Expect.Equal(0, await Expect.Soon(client.Connection.InvokeAsync<int>("Sum", From(Array.Empty<int>())), "the empty sum"), "the sum of nothing");
        // Two uploads in one invocation: in the JavaScript check (this .NET client breaks the second when the first ends).
        var sums = await Task.WhenAll(
            Expect.Soon(client.Connection.InvokeAsync<int>("Sum", From(Enumerable.Range(1, 50), 3)), "one upload"),
            Expect.Soon(client.Connection.InvokeAsync<int>("Sum", Channel(Enumerable.Range(1, 20))), "another upload"));
        Expect.Equal("[1275,210]", Json(sums), "the sums of two uploads at once");
    }

    static ChannelReader<int> Channel(IEnumerable<int> items)
    {
        var channel = System.Threading.Channels.Channel.CreateUnbounded<int>();
        foreach (var item in items) channel.Writer.TryWrite(item);
        channel.Writer.Complete();
        return channel.Reader;
    }

    async Task StreamUpError()
    {
        await using var client = await Connect();
        var outcome = await Expect.Soon(client.Connection.InvokeAsync<string>("UploadOutcome", Breaks()), "the outcome of a broken upload");
        Expect.Equal("2 and HubException", outcome, "what the hub saw of a broken upload");
        Expect.Equal("3 and the end", await Expect.Soon(client.Connection.InvokeAsync<string>("UploadOutcome", From([1, 2, 3])), "the outcome"), "what the hub saw of a whole upload");

        static async IAsyncEnumerable<int> Breaks()
        {
            yield return 1;
            await Task.Delay(50);
            yield return 2;
            throw new InvalidOperationException("the client broke");
        }
    }

    async Task StreamBoth()
    {
        await using var client = await Connect();
        var words = await Expect.Soon(Collect(client.Connection.StreamAsync<string>("Upper", From(["one", "two", "three"], 20))), "the stream both ways");
        Expect.Equal("ONE,TWO,THREE", string.Join(",", words), "the words");
    }
}
