using Microsoft.AspNetCore.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>Asks clients. Invocations of one client may run at the same time, so a client can be asked while it asks.</summary>
public sealed class ResultsHub(Settings settings, Events events) : MainHub(settings, events)
{
    public Task<string> Ask(string id, string question) => Clients.Client(id).InvokeAsync<string>("ask", question, default);
    public Task<string> AskCaller(string question) => Clients.Caller.InvokeAsync<string>("ask", question, default);
    public Task<int> AskInt(string id, int n) => Clients.Client(id).InvokeAsync<int>("askInt", n, default);
    public Task<Shape> AskShape(string id, Shape shape) => Clients.Client(id).InvokeAsync<Shape>("askShape", shape, default);
    public Task<string?> AskNull(string id) => Clients.Client(id).InvokeAsync<string?>("askNull", default);
    public async Task<string> AskError(string id, string method) => await Asking.Outcome(async () => await Clients.Client(id).InvokeAsync<int>(method, "x", default));
    public async Task<string> AskAndCancel(string id, string method, int ms)
    {
        using var cancel = new CancellationTokenSource(ms);
        return await Asking.Outcome(async () => await Clients.Client(id).InvokeAsync<int>(method, "x", cancel.Token));
    }
    public async Task<string[]> AskMany(string id, int n) =>
        await Task.WhenAll(Enumerable.Range(0, n).Select(i => Clients.Client(id).InvokeAsync<string>("ask", "q" + i, default)));
}

public interface ITypedClient
{
    Task News(string text);
    Task<string> Ask(string question);
}

public sealed class TypedHub : Hub<ITypedClient>
{
    public Task Tell(string text) => Clients.All.News(text);
    public Task<string> AskTyped(string id, string question) => Clients.Client(id).Ask(question);
}

public static class Asking
{
    /// <summary>The answer, or the type and text of the error.</summary>
    public static async Task<string> Outcome<T>(Func<Task<T>> ask)
    {
        try { return "answer: " + await ask(); }
        catch (Exception e) { return $"{e.GetType().Name}: {e.Message}"; }
    }
}
