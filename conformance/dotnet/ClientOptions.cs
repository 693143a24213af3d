using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hubwire.Conformance;

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

    public HubConnection Build(Service service, Wire wire, string hub)
    {
        var builder = new HubConnectionBuilder().WithUrl((Endpoint ?? service.Endpoint) + service.ClientPath(hub), http =>
        {
            http.Transports = wire.Transport;
            http.SkipNegotiation = SkipNegotiation;
            http.AccessTokenProvider = () => Task.FromResult<string?>(service.ClientToken(hub, User, DetailedErrors));
        });
        if (wire.MessagePack) builder.AddMessagePackProtocol();
        if (AutomaticReconnect) builder.WithAutomaticReconnect([TimeSpan.Zero, TimeSpan.FromSeconds(1)]);
        if (StatefulReconnect) builder.WithStatefulReconnect();
        return builder.Build();
    }
}
