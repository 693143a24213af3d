using Microsoft.AspNetCore.Http.Connections;

namespace Hubwire.Conformance;

/// <summary>How a client speaks: a transport and a hub protocol.</summary>
sealed record Wire(HttpTransportType Transport, bool MessagePack)
{
    public static readonly Wire WebSocketsJson = new(HttpTransportType.WebSockets, false);
    public static readonly Wire WebSocketsMessagePack = new(HttpTransportType.WebSockets, true);

    /// <summary>Every transport with every protocol that it can carry: Server-Sent Events are text.</summary>
    public static readonly Wire[] All =
    [
        WebSocketsJson, WebSocketsMessagePack, new(HttpTransportType.ServerSentEvents, false),
        new(HttpTransportType.LongPolling, false), new(HttpTransportType.LongPolling, true),
    ];

    public bool IsWebSockets => Transport == HttpTransportType.WebSockets;

    /// <summary>A wire with the other protocol.</summary>
    public Wire Other => MessagePack ? WebSocketsJson : WebSocketsMessagePack;

    public override string ToString() => $"{Transport}/{(MessagePack ? "messagepack" : "json")}";
}
