using System.Text.Json;
using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>An app server asks clients of another one.</summary>
sealed class TwoServerResultChecks(AppServer a, AppServer b, Wire wire)
{
    public IEnumerable<Check> All =>
    [
        new("client results: A asks a client of B, B asks a client of A, 20 at once", Results),
        new("client results across: error, no handler, wrong type, unknown client", ResultErrors),
        new("client results across: the asked client leaves, and is killed", ResultsGone),
        new("client results across: IHubContext of A, shapes, 500 KB", ResultsOutside),
        new("client results across: typed hub", ResultsTyped),
    ];

    Task<AppClient> On(AppServer server, string hub = "main") => AppClient.Connect(server, wire, hub);

    async Task Results()
    {
        await using var onA = await Samples.Answering(a, wire);
        await using var onB = await Samples.Answering(b, wire);
        Expect.Equal($"{a.Name},{b.Name}", $"{await onA.Call<string>("Server")},{await onB.Call<string>("Server")}", "the servers");
        Expect.Equal("re: a to b", await onA.Call<string>("Ask", onB.Id, "a to b"), "A asked a client of B");
        Expect.Equal("re: b to a", await onB.Call<string>("Ask", onA.Id, "b to a"), "B asked a client of A");
        Expect.Equal(8, await onA.Call<int>("AskInt", onB.Id, 7), "a number");
        Expect.Equal(null, await onA.Call<string?>("AskNull", onB.Id), "null");
        var answers = await onA.Call<string[]>("AskMany", onB.Id, 20);
        Expect.True(answers.SequenceEqual(Enumerable.Range(0, 20).Select(i => "re: q" + i)), $"20 answers: {string.Join(",", answers)}");
        var both = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? onA.Call<string>("Ask", onB.Id, "x" + i) : onB.Call<string>("Ask", onA.Id, "x" + i)));
        Expect.True(both.SequenceEqual(Enumerable.Range(0, 20).Select(i => "re: x" + i)), $"20 crossing answers: {string.Join(",", both)}");
        await using var mixed = await Samples.Answering(b, wire.Other);
        Expect.Equal("re: mixed", await onA.Call<string>("Ask", mixed.Id, "mixed"), "a client of the other protocol");
    }

    async Task ResultErrors()
    {
        await using var onA = await On(a, "results");
        await using var onB = await Samples.Answering(b, wire);
        async Task Outcome(string id, string method, string contains)
        {
            var outcome = await onA.Call<string>("AskError", id, method);
            Expect.True(outcome.Contains(contains), $"the outcome of {method}: {outcome}");
        }
        await Outcome(onB.Id, "askError", "the client cannot");
        await Outcome(onB.Id, "askNobody", "HubException: Client ");
        await Outcome(onB.Id, "askText", "HubException: ");
        await Outcome("no-such-connection", "askInt", "Exception: ");
        Expect.Equal("re: still", await onA.Call<string>("Ask", onB.Id, "still"), "an answer after errors");
    }

    async Task ResultsGone()
    {
        await using var onA = await On(a, "results");
        await using var onB = await Samples.Answering(b, wire);
        var pending = onA.Connection.InvokeAsync<string>("AskError", onB.Id, "askSlow");
        await Task.Delay(300);
        await onB.Connection.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
        var outcome = await Expect.Soon(pending, "the outcome when the asked client leaves");
        Expect.True(outcome.Contains("Exception: "), $"the outcome of a client that leaves: {outcome}");
        await using var another = await Samples.Answering(b, wire);
        outcome = await onA.Call<string>("AskAndCancel", another.Id, "askSlow", 300);
        Expect.True(outcome.Contains("Exception: "), $"the outcome of a cancel: {outcome}");
    }

    async Task ResultsOutside()
    {
        await using var onB = await Samples.Answering(b, wire);
        Expect.Equal("answer: re: outside", await a.Post($"/ask?id={onB.Id}&question=outside"), "the answer to IHubContext of A");
        Expect.True((await a.Post($"/ask-int?id={onB.Id}&method=askError")).Contains("the client cannot"), "the error of the client");
        Expect.True((await a.Post($"/ask-int?id={onB.Id}&method=askNobody")).Contains("HubException: Client "), "no handler");
        Expect.True((await a.Post($"/ask?id=nobody&question=x")).Contains("Exception"), "an unknown client is an error");
        var answers = JsonSerializer.Deserialize<string[]>(await a.Post($"/ask-many?id={onB.Id}&n=50"))!;
        Expect.True(answers.SequenceEqual(Enumerable.Range(0, 50).Select(i => "re: q" + i)), "50 answers");
        var expected = Samples.Shape(1); expected.Int--;
        var shape = JsonSerializer.Deserialize<Shape>(await a.Post($"/ask-shape?id={onB.Id}", Samples.Shape(1)), JsonSerializerOptions.Web);
        Expect.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize(shape), "a shape");
        await using var onA = await On(a, "results");
        var big = new string('z', 500_000);
        Expect.True("re: " + big == await Expect.Soon(onA.Connection.InvokeAsync<string>("Ask", onB.Id, big), "the large answer", 30), "a large answer");
    }

    async Task ResultsTyped()
    {
        await using var onA = await On(a, "typed");
        await using var onB = await Samples.Answering(b, wire, "typed");
        Expect.Equal("re: typed", await onA.Call<string>("AskTyped", onB.Id, "typed"), "the answer to a typed hub");
        Expect.Equal("answer: re: outside", await a.Post($"/ask-typed?id={onB.Id}&question=outside"), "the answer to a typed IHubContext");
    }
}
