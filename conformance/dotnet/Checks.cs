using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using MessagePack;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance;

/// <summary>What must hold on every transport and protocol.</summary>
sealed class Checks(Service service, Wire wire)
{
    public IEnumerable<Check> All =>
    [
        service.OnOwnHub("connects with a connection id, and stops without an error", ConnectsAndStops),
        service.OnOwnHub("a REST broadcast arrives with exact arguments", ExactArguments),
        service.OnOwnHub("a broadcast of 500 KB arrives whole", LargeMessage),
        service.OnOwnHub("what is sent to a group reaches its members, and those who left no more", GroupSend),
        service.OnOwnHub("what is sent to a user reaches that user only", UserSend),
        service.OnOwnHub("what is sent to a connection reaches that connection only", ConnectionSend),
        service.OnOwnHub("an excluded connection gets no copy", Excluded),
        service.OnOwnHub("a close by REST gives its reason to a client with detailed errors", CloseWithReason),
        service.OnOwnHub("a close by REST hides its reason from other clients", CloseWithoutReason),
        service.OnOwnHub("a client that is closed by REST reconnects and is reached again", AutomaticReconnect),
        service.OnOwnHub("an unknown method fails with an error that says who is missing", UnknownMethod),
    ];

    Task<TestClient> Connect(string hub, ClientOptions? options = null) => service.Connect(wire, hub, options ?? new());

    async Task ConnectsAndStops(string hub)
    {
        await using var client = await Connect(hub);
        Expect.True(client.Id.Length > 0, "the connection id is empty");
        await Expect.Soon(client.Connection.StopAsync(), "the stop");
        Expect.Equal(null, await client.Closed(), "error of the close");
    }

    async Task ExactArguments(string hub)
    {
        const string decimalDigits = "12345678901234567890.123456789";
        const string text = "žluťoučký 🐎 \u2028 \" \\ </script>";
        await using var client = await Connect(hub);
        var received = new TaskCompletionSource<object?[]>();
        Type[] types = [typeof(long), typeof(long), typeof(ulong), wire.MessagePack ? typeof(double) : typeof(decimal), typeof(double),
            typeof(string), typeof(Nested), typeof(string), typeof(bool)];
        client.Connection.On("exact", types, arguments => { received.TrySetResult(arguments); return Task.CompletedTask; });
        await service.Send(hub, "", "exact", $$"""
            [9007199254740993, -9223372036854775808, 18446744073709551615, {{decimalDigits}}, 0.1,
             {{System.Text.Json.JsonSerializer.Serialize(text)}}, {"name":"a","inner":{"name":"b","numbers":[1,-2,3000000000]} }, null, true]
            """);
        var got = await Expect.Soon(received.Task, "the broadcast");
        Expect.Equal(9007199254740993L, got[0], "an integer beyond 2^53");
        Expect.Equal(long.MinValue, got[1], "the smallest 64-bit integer");
        Expect.Equal(ulong.MaxValue, got[2], "the largest unsigned 64-bit integer");
        // MessagePack has no decimals: the nearest double is the best there is.
        object expected = wire.MessagePack ? double.Parse(decimalDigits, CultureInfo.InvariantCulture) : decimal.Parse(decimalDigits, CultureInfo.InvariantCulture);
        Expect.Equal(expected, got[3], "a decimal");
        Expect.Equal(0.1, got[4], "a fraction");
        Expect.Equal(text, got[5], "a text");
        var nested = (Nested)got[6]!;
        Expect.Equal("a", nested.Name, "the name of the outer object");
        Expect.Equal("b", nested.Inner?.Name, "the name of the inner object");
        Expect.Equal("1,-2,3000000000", string.Join(",", nested.Inner?.Numbers ?? []), "numbers of the inner object");
        Expect.Equal(null, got[7], "null");
        Expect.Equal(true, got[8], "true");
    }

    async Task LargeMessage(string hub)
    {
        await using var client = await Connect(hub);
        var inbox = client.Listen<string>("large");
        var builder = new StringBuilder();
        for (var i = 0; builder.Length < 500_000; i++) builder.Append(i).Append(' ');
        var text = builder.ToString();
        await service.Send(hub, "", "large", $"[\"{text}\"]");
        Expect.True(text == await inbox.Next(), "the text arrived changed");
    }

    async Task GroupSend(string hub)
    {
        var group = Uri.EscapeDataString("a/b č%");
        await using var member = await Connect(hub);
        await using var other = await Connect(hub);
        var (membersInbox, othersInbox) = (member.Listen<string>("news"), other.Listen<string>("news"));
        await service.Call(HttpMethod.Put, hub, $"groups/{group}/connections/{member.Id}");
        await service.Send(hub, $"groups/{group}", "news", "[\"to the group\"]");
        Expect.Equal("to the group", await membersInbox.Next(), "the member's first message");
        await service.Call(HttpMethod.Delete, hub, $"groups/{group}/connections/{member.Id}");
        await service.Send(hub, $"groups/{group}", "news", "[\"to nobody\"]");
        await service.Send(hub, "", "news", "[\"to all\"]");
        Expect.Equal("to all", await membersInbox.Next(), "the first message after leaving");
        Expect.Equal("to all", await othersInbox.Next(), "the first message of a client that is in no group");
    }

    async Task UserSend(string hub)
    {
        await using var bob = await Connect(hub, new() { User = "bob/1" });
        await using var eve = await Connect(hub, new() { User = "eve" });
        await OnlyFirstIsReached(hub, $"users/{Uri.EscapeDataString("bob/1")}", bob, eve);
    }

    async Task ConnectionSend(string hub)
    {
        await using var first = await Connect(hub);
        await using var second = await Connect(hub);
        await OnlyFirstIsReached(hub, $"connections/{first.Id}", first, second);
    }

    async Task Excluded(string hub)
    {
        await using var included = await Connect(hub);
        await using var excluded = await Connect(hub);
        await OnlyFirstIsReached(hub, "", included, excluded, $"&excluded={excluded.Id}&excluded=unknown");
    }

    async Task OnlyFirstIsReached(string hub, string audience, TestClient first, TestClient second, string query = "")
    {
        var (firstInbox, secondInbox) = (first.Listen<string>("news"), second.Listen<string>("news"));
        await service.Send(hub, audience, "news", "[\"to one\"]", query);
        await service.Send(hub, "", "news", "[\"to all\"]");
        Expect.Equal("to one", await firstInbox.Next(), "the first message of who is meant");
        Expect.Equal("to all", await firstInbox.Next(), "the second message of who is meant");
        Expect.Equal("to all", await secondInbox.Next(), "the first message of who is not");
    }

    async Task CloseWithReason(string hub)
    {
        await using var client = await Connect(hub, new() { DetailedErrors = true });
        await service.Call(HttpMethod.Delete, hub, $"connections/{client.Id}", "&reason=over%20and%20out");
        var error = await client.Closed();
        Expect.True(error?.Message.Contains("over and out") == true, $"the error does not have the reason: {error?.Message ?? "none"}");
    }

    async Task CloseWithoutReason(string hub)
    {
        await using var client = await Connect(hub);
        await service.Call(HttpMethod.Delete, hub, $"connections/{client.Id}", "&reason=over%20and%20out");
        var error = await client.Closed();
        Expect.True(error?.Message.Contains("over and out") != true, $"the error has the reason: {error?.Message}");
    }

    async Task AutomaticReconnect(string hub)
    {
        await using var client = await Connect(hub, new() { AutomaticReconnect = true });
        var inbox = client.Listen<string>("news");
        var before = client.Id;
        await service.Call(HttpMethod.Delete, hub, $"connections/{before}");
        var after = await client.Reconnected();
        Expect.True(after != null && after != before, $"the new connection has the id {after}, the old one had {before}");
        await service.Send(hub, $"connections/{after}", "news", "[\"welcome back\"]");
        Expect.Equal("welcome back", await inbox.Next(), "the first message after reconnecting");
    }

    async Task UnknownMethod(string hub)
    {
        await using var client = await Connect(hub);
        var error = await Expect.Fails(client.Call<string>("Nobody", 1, "two"), "the invocation");
        Expect.True(error is HubException && error.Message.Contains("upstream", StringComparison.OrdinalIgnoreCase), $"the error does not say who is missing: {error.Message}");
        var inbox = client.Listen<string>("news");
        await service.Send(hub, "", "news", "[\"still here\"]");
        Expect.Equal("still here", await inbox.Next(), "the first message after the error");
    }
}

/// <summary>An object argument with an object inside.</summary>
[MessagePackObject]
public sealed class Nested
{
    [Key("name"), JsonPropertyName("name")] public string? Name { get; set; }
    [Key("inner"), JsonPropertyName("inner")] public Nested? Inner { get; set; }
    [Key("numbers"), JsonPropertyName("numbers")] public long[]? Numbers { get; set; }
}
