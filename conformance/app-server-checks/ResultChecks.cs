using System.Text.Json;
using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>The hub asks its clients.</summary>
sealed class ResultChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("client results: text, number, shape, null", Results),
        new("client results: asked by its own call; 20 at once", ResultsAtOnce),
        new("client results: error, no handler, wrong type, unknown client", ResultErrors),
        new("client results: a cancel, and a client that leaves", ResultsGone),
        new("client results: IHubContext and a typed hub", ResultsOutside),
    ];

    async Task Results()
    {
        await using var asked = await Samples.Answering(Server, Wire);
        await using var asking = await Connect("results");
        Expect.Equal("re: how?", await asking.Call<string>("Ask", asked.Id, "how?"), "a text");
        Expect.Equal(8, await asking.Call<int>("AskInt", asked.Id, 7), "a number");
        var expected = Samples.Shape(); expected.Int--;
        Expect.Equal(Json(expected), Json(await asking.Call<Shape>("AskShape", asked.Id, Samples.Shape())), "a shape");
        Expect.Equal(null, await asking.Call<string?>("AskNull", asked.Id), "null");
        await using var mixed = await Samples.Answering(Server, Wire.Other);
        Expect.Equal("re: other protocol", await asking.Call<string>("Ask", mixed.Id, "other protocol"), "the answer of a client of the other protocol");
    }

    async Task ResultsAtOnce()
    {
        await using var asked = await Samples.Answering(Server, Wire);
        Expect.Equal("re: me", await asked.Call<string>("AskCaller", "me"), "the answer of the caller itself");
        var answers = await asked.Call<string[]>("AskMany", asked.Id, 20);
        Expect.True(answers.SequenceEqual(Enumerable.Range(0, 20).Select(i => "re: q" + i)), $"20 answers: {string.Join(",", answers)}");
        var more = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => asked.Call<string>("Ask", asked.Id, "x" + i)));
        Expect.True(more.SequenceEqual(Enumerable.Range(0, 20).Select(i => "re: x" + i)), "20 calls that ask");
    }

    async Task ResultErrors()
    {
        await using var asked = await Samples.Answering(Server, Wire);
        await using var asking = await Connect("results");
        async Task Outcome(string id, string method, string contains)
        {
            var outcome = await asking.Call<string>("AskError", id, method);
            Expect.True(outcome.Contains(contains), $"the outcome of {method}: {outcome}");
        }
        await Outcome(asked.Id, "askError", "HubException: ");
        await Outcome(asked.Id, "askError", "the client cannot");
        await Outcome(asked.Id, "askNobody", "HubException: Client ");
        await Outcome(asked.Id, "askText", "HubException: ");
        await Outcome("no-such-connection", "askInt", "Exception: ");
        Expect.Equal("re: still", await asking.Call<string>("Ask", asked.Id, "still"), "an answer after errors");
    }

    async Task ResultsGone()
    {
        await using var asked = await Samples.Answering(Server, Wire);
        await using var asking = await Connect("results");
        var outcome = await asking.Call<string>("AskAndCancel", asked.Id, "askSlow", 300);
        Expect.True(outcome.Contains("Exception: "), $"the outcome of a cancel: {outcome}");
        var pending = asking.Connection.InvokeAsync<string>("AskError", asked.Id, "askSlow");
        await Task.Delay(300);
        await asked.DisposeAsync();
        outcome = await Expect.Soon(pending, "the outcome when the asked client leaves");
        Expect.True(outcome.Contains("Exception: "), $"the outcome of a client that leaves: {outcome}");
    }

    async Task ResultsOutside()
    {
        await using var asked = await Samples.Answering(Server, Wire);
        Expect.Equal("answer: re: from outside", await Server.Post($"/ask?id={asked.Id}&question=from%20outside"), "the answer to IHubContext");
        Expect.True((await Server.Post($"/ask-int?id={asked.Id}&method=askError")).Contains("the client cannot"), "the error of the client");
        Expect.True((await Server.Post($"/ask?id=nobody&question=x")).Contains("Exception"), "an unknown client is an error");
        Expect.Equal(20, JsonSerializer.Deserialize<string[]>(await Server.Post($"/ask-many?id={asked.Id}&n=20"))!.Distinct().Count(), "20 answers");
        await using var typed = await Samples.Answering(Server, Wire, "typed");
        var news = typed.Listen<string>("News");
        Expect.Equal("answer: re: typed", await Server.Post($"/ask-typed?id={typed.Id}&question=typed"), "the answer to a typed IHubContext");
        Expect.Equal("re: in a hub", await typed.Call<string>("AskTyped", typed.Id, "in a hub"), "the answer to a typed hub");
        await typed.Do("Tell", "typed news");
        Expect.Equal("typed news", await news.Next(), "a typed send");
    }
}
