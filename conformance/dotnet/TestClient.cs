using System.Threading.Channels;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hubwire.Conformance;

/// <summary>How a client connects.</summary>
sealed record Wire(HttpTransportType Transport, bool MessagePack)
{
    /// <summary>Every transport with every protocol that it can carry: Server-Sent Events are text.</summary>
    public static readonly Wire[] All =
    [
        new(HttpTransportType.WebSockets, false), new(HttpTransportType.WebSockets, true),
        new(HttpTransportType.ServerSentEvents, false),
        new(HttpTransportType.LongPolling, false), new(HttpTransportType.LongPolling, true),
    ];

    public override string ToString() => $"{Transport}/{(MessagePack ? "messagepack" : "json")}";
}

/// <summary>What a check wants of its client beyond the wire.</summary>
sealed record ClientOptions
{
    public string User { get; init; } = "alice";
    public bool DetailedErrors { get; init; }
    public bool AutomaticReconnect { get; init; }
    public bool StatefulReconnect { get; init; }
    public bool SkipNegotiation { get; init; }
    /// <summary>Where to connect, if not to the service itself.</summary>
    public string? Endpoint { get; init; }
}

/// <summary>A connected <see cref="HubConnection"/> whose invocations and events can be awaited.</summary>
sealed class TestClient : IAsyncDisposable
{
    readonly TaskCompletionSource<Exception?> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource<string?> reconnected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    TestClient(HubConnection connection)
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
    /// <summary>The error the connection closed with.</summary>
    public Task<Exception?> Closed => Expect.Soon(closed.Task, "the connection closes");
    /// <summary>The new connection id.</summary>
    public Task<string?> Reconnected => Expect.Soon(reconnected.Task, "the client reconnects");

    public static async Task<TestClient> Connect(Service service, Wire wire, string hub, ClientOptions options)
    {
        var builder = new HubConnectionBuilder().WithUrl((options.Endpoint ?? service.Endpoint) + service.ClientPath(hub), http =>
        {
            http.Transports = wire.Transport;
            http.SkipNegotiation = options.SkipNegotiation;
            http.AccessTokenProvider = () => Task.FromResult<string?>(service.ClientToken(hub, options.User, options.DetailedErrors));
        });
        if (wire.MessagePack) builder.AddMessagePackProtocol();
        if (options.AutomaticReconnect) builder.WithAutomaticReconnect([TimeSpan.Zero, TimeSpan.FromSeconds(1)]);
        if (options.StatefulReconnect) builder.WithStatefulReconnect();
        var client = new TestClient(builder.Build());
        using var patience = new CancellationTokenSource(Expect.Patience);
        await client.Connection.StartAsync(patience.Token);
        return client;
    }

    /// <summary>Collects the first argument of every invocation of <paramref name="method"/> from now on.</summary>
    public Inbox<T> Listen<T>(string method)
    {
        var inbox = new Inbox<T>(method);
        Connection.On<T>(method, inbox.Add);
        return inbox;
    }

    public ValueTask DisposeAsync() => Connection.DisposeAsync();
}

/// <summary>What a client received, in order.</summary>
sealed class Inbox<T>(string method)
{
    readonly Channel<T> channel = Channel.CreateUnbounded<T>();

    public void Add(T value) => channel.Writer.TryWrite(value);

    public Task<T> Next() => Expect.Soon(channel.Reader.ReadAsync().AsTask(), $"an invocation of {method}");

    public bool IsEmpty => channel.Reader.Count == 0;
}
