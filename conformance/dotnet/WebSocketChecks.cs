using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance;

/// <summary>What only WebSockets can do.</summary>
sealed class WebSocketChecks(Service service, bool messagePack)
{
    readonly Wire wire = new(HttpTransportType.WebSockets, messagePack);

    public IEnumerable<Check> All =>
    [
        service.OnOwnHub("skipNegotiation: connects without a negotiate", SkipNegotiation),
        service.OnOwnHub("stateful reconnect: messages arrive once and in order across cut connections", StatefulReconnect),
        service.OnOwnHub("stateful reconnect: invocations across a cut connection are answered once", InvocationsAcrossCut),
    ];

    async Task SkipNegotiation(string hub)
    {
        await using var client = await service.Connect(wire, hub, new() { SkipNegotiation = true });
        var inbox = client.Listen<string>("news");
        await service.Send(hub, "users/alice", "news", "[\"hello\"]");
        Expect.Equal("hello", await inbox.Next(), "the first message");
    }

    async Task StatefulReconnect(string hub)
    {
        const int cuts = 3, messagesPerCut = 40;
        using var proxy = new CuttingProxy(service.Endpoint);
        await using var client = await service.Connect(wire, hub, new() { StatefulReconnect = true, AutomaticReconnect = true, Endpoint = proxy.Endpoint });
        var inbox = client.Listen<int>("count");
        var id = client.Id;
        var next = 0;
        for (var cut = 0; cut < cuts; cut++)
        {
            for (var i = 0; i < messagesPerCut; i++)
            {
                if (i == messagesPerCut / 2) proxy.Cut();
                await service.Send(hub, $"connections/{id}", "count", $"[{next + i}]");
            }
            for (var i = 0; i < messagesPerCut; i++) Expect.Equal(next++, await inbox.Next(), "the next message");
        }
        await service.Send(hub, $"connections/{id}", "count", "[-1]");
        Expect.Equal(-1, await inbox.Next(), "the message after all the others");
        Expect.True(inbox.IsEmpty, "a message came twice");
        Expect.Equal(id, client.Id, "connection id");
        Expect.Equal(0, client.Reconnects, "new connections");
    }

    async Task InvocationsAcrossCut(string hub)
    {
        using var proxy = new CuttingProxy(service.Endpoint);
        await using var client = await service.Connect(wire, hub, new() { StatefulReconnect = true, Endpoint = proxy.Endpoint });
        var invocations = new List<Task>();
        for (var i = 0; i < 20; i++)
        {
            if (i == 10) proxy.Cut();
            invocations.Add(client.Connection.InvokeAsync("Nobody", i));
        }
        foreach (var invocation in invocations)
        {
            var error = await Expect.Fails(invocation, "an invocation of an unknown method");
            Expect.True(error is HubException, $"the error: {error.Message}");
        }
        Expect.Equal(HubConnectionState.Connected, client.Connection.State, "state");
    }
}
