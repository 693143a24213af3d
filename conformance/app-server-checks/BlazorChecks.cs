using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Hubwire.Conformance.AppServers;

/// <summary>A Blazor Server circuit, by hand: the protocol blazorpack is MessagePack under another name.</summary>
sealed partial class BlazorChecks(AppServer server)
{
    public IEnumerable<Check> All => new[] { Wire.WebSocketsMessagePack, new(HttpTransportType.LongPolling, true) }
        .Select(wire => new Check($"a circuit starts, renders, and renders again by itself over {wire.Transport}", () => Circuit(wire)));

    async Task Circuit(Wire wire)
    {
        var page = await server.Get("/blazor");
        var markers = Marker().Matches(page).Select(match => JsonSerializer.Deserialize<JsonElement>(match.Groups[1].Value)).ToArray();
        Expect.Equal(1, markers.Length, "component markers in the page");
        await using var client = AppClient.Build(server, wire, "_blazor", new() { Protocol = new RenamedProtocol(new MessagePackHubProtocol(), "blazorpack") });
        var batches = new Inbox<string>("JS.RenderBatch");
        client.Connection.On<long, byte[]>("JS.RenderBatch", (id, batch) =>
        {
            batches.Add(Encoding.UTF8.GetString(batch));
            return client.Connection.SendAsync("OnRenderCompleted", id, null);
        });
        client.Connection.On<int, string>("JS.AttachComponent", (_, _) => { });
        client.Connection.On<string>("JS.Error", error => batches.Add("error: " + error));
        await client.Start();
        var circuit = await client.Call<string?>("StartCircuit", server.Url + "/", server.Url + "/blazor", JsonSerializer.Serialize(markers), State().Match(page).Groups[1].Value);
        Expect.True(circuit?.Length > 20, $"the circuit id: {circuit ?? "null"}");
        Expect.True((await batches.Next()).Contains("conformance tick"), "the first batch has the text of the component");
        for (var i = 0; i < 3; i++)
        {
            var batch = await batches.Next();
            Expect.True(!batch.StartsWith("error"), batch);
        }
    }

    [GeneratedRegex("<!--Blazor:(\\{.*?\\})-->")]
    private static partial Regex Marker();

    [GeneratedRegex("<!--Blazor-Server-Component-State:(.*?)-->")]
    private static partial Regex State();
}
