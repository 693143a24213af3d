using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance;

/// <summary>A <see cref="HubConnection"/> whose invocations and events can be awaited.</summary>
class TestClient : IAsyncDisposable
{
    readonly TaskCompletionSource<Exception?> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource<string?> reconnected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TestClient(HubConnection connection)
    {
        Connection = connection;
        connection.Closed += error => { closed.TrySetResult(error); return Task.CompletedTask; };
        connection.Reconnecting += _ => { Reconnects++; return Task.CompletedTask; };
        connection.Reconnected += id => { reconnected.TrySetResult(id); return Task.CompletedTask; };
    }

    public HubConnection Connection { get; }
    public string Id => Connection.ConnectionId ?? throw new CheckFailed("the client has no connection id");
    /// <summary>How often the client lost its connection and began a new one.</summary>
    public int Reconnects { get; private set; }
    public bool IsClosed => closed.Task.IsCompleted;
    /// <summary>The error the connection closed with.</summary>
    public Task<Exception?> Closed(double seconds = Expect.Patience) => Expect.Soon(closed.Task, "the connection closes", seconds);
    /// <summary>The new connection id.</summary>
    public Task<string?> Reconnected(double seconds = Expect.Patience) => Expect.Soon(reconnected.Task, "the client reconnects", seconds);

    public Task Start(double seconds = Expect.Patience) => Expect.Soon(Connection.StartAsync(), "the client starts", seconds);

    /// <summary>The result of a hub method.</summary>
    public Task<T> Call<T>(string method, params object?[] arguments) =>
        Expect.Soon(Connection.InvokeCoreAsync<T>(method, arguments), $"the result of {method}");

    /// <summary>Calls a hub method that has no result, and waits for its end.</summary>
    public Task Do(string method, params object?[] arguments) => Expect.Soon(Connection.InvokeCoreAsync(method, arguments), $"the end of {method}");

    /// <summary>Collects the first argument of every invocation of <paramref name="method"/> from now on.</summary>
    public Inbox<T> Listen<T>(string method)
    {
        var inbox = new Inbox<T>(method);
        Connection.On<T>(method, inbox.Add);
        return inbox;
    }

    public async ValueTask DisposeAsync()
    {
        try { await Connection.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(5)); }
        catch (Exception) { } // a client whose server is gone may fail to say goodbye
    }
}

/// <summary>What a client received, in order.</summary>
sealed class Inbox<T>(string method)
{
    readonly Channel<T> channel = Channel.CreateUnbounded<T>();

    public bool IsEmpty => channel.Reader.Count == 0;

    public void Add(T value) => channel.Writer.TryWrite(value);

    public Task<T> Next(double seconds = Expect.Patience) => Expect.Soon(channel.Reader.ReadAsync().AsTask(), $"an invocation of {method}", seconds);

    /// <summary>Everything before <paramref name="mark"/>, which is taken out too.</summary>
    public async Task<List<T>> Until(T mark, double seconds = Expect.Patience)
    {
        var before = new List<T>();
        while (true)
        {
            var waited = $"{method} with '{Short(mark)}' after [{string.Join(", ", before.TakeLast(4).Select(Short))}]";
            var next = await Expect.Soon(channel.Reader.ReadAsync().AsTask(), waited, seconds);
            if (EqualityComparer<T>.Default.Equals(next, mark)) return before;
            before.Add(next);
        }
    }

    /// <summary>Everything that is there.</summary>
    public List<T> Drain()
    {
        var all = new List<T>();
        while (channel.Reader.TryRead(out var value)) all.Add(value);
        return all;
    }

    static string Short(T value) => value?.ToString() is { } text ? text.Length > 40 ? text[..40] + "…" : text : "";
}
