using Hubwire.Conformance.App;

namespace Hubwire.Conformance.AppServers;

/// <summary>Two app server processes of the same hubs; clients stick to the one they negotiated with.</summary>
sealed class TwoServerChecks(AppServer a, AppServer b, Wire wire)
{
    public IEnumerable<Check> All =>
    [
        new("all, except, client, clients, others reach clients of both", Sends),
        new("groups with members on both", Groups),
        new("a client of B is joined and removed by A", JoinAcross),
        new("users with connections on both", Users),
        new("IHubContext of A reaches clients of B", FromOutside),
        new("300 sends to a group and 300 to a client of B keep their order", Order),
        new("large: 500 KB and 5 MB from A to a client of B", Large),
    ];

    Task<AppClient> On(AppServer server, string hub = "main", ClientOptions? options = null, Wire? other = null) => AppClient.Connect(server, other ?? wire, hub, options);
    static string Some(string what) => what + "-" + Guid.NewGuid().ToString("N")[..8];

    async Task Sends()
    {
        var mark = Some("mark");
        await using var onA = await On(a);
        await using var onB = await On(b);
        await using var onB2 = await On(b, other: wire.Other);
        Expect.Equal($"{a.Name},{b.Name},{b.Name}", $"{await onA.Call<string>("Server")},{await onB.Call<string>("Server")},{await onB2.Call<string>("Server")}", "the servers");
        await onA.Do("ToAll", mark + "all");
        await onA.Do("ToAllExcept", new[] { onB.Id }, mark + "except");
        await onA.Do("ToClient", onB.Id, mark + "client");
        await onA.Do("ToClients", new[] { onA.Id, onB2.Id }, mark + "clients");
        await onA.Do("ToOthers", mark + "others");
        await onA.Do("ToAll", mark);
        async Task Got(AppClient client, string expected, string who) =>
            Expect.Equal(expected, string.Join(",", (await client.News.Until(mark)).Where(t => t.StartsWith(mark)).Select(t => t[mark.Length..])), who);
        await Got(onA, "all,except,clients", "the caller got");
        await Got(onB, "all,client,others", "the client of B got");
        await Got(onB2, "all,except,clients,others", "the other client of B got");
    }

    async Task Groups()
    {
        var (one, two, mark) = (Some("one"), Some("two"), Some("mark"));
        await using var onA = await On(a);
        await using var onB = await On(b);
        await onA.Do("Join", one); await onB.Do("Join", one); await onB.Do("Join", two);
        await onA.Do("ToGroup", one, "one");
        await onA.Do("ToGroupExcept", one, new[] { onB.Id }, "except");
        await onA.Do("ToOthersInGroup", one, "others");
        await onA.Do("ToGroup", two, "two");
        await onA.Do("ToClients", new[] { onA.Id, onB.Id }, mark);
        Expect.Equal("one,except", string.Join(",", await onA.News.Until(mark)), "the client of A got");
        Expect.Equal("one,others,two", string.Join(",", await onB.News.Until(mark)), "the client of B got");
        await onB.Do("Leave", one);
        await onA.Do("ToGroup", one, "left");
        await onA.Do("ToClient", onB.Id, mark);
        Expect.Equal("", string.Join(",", await onB.News.Until(mark)), "the client of B got after leaving");
    }

    async Task JoinAcross()
    {
        var (group, mark) = (Some("group"), Some("mark"));
        await using var onA = await On(a);
        await using var onB = await On(b);
        await onA.Do("JoinAs", onB.Id, group);
        await onA.Do("ToGroup", group, "joined by A");
        Expect.Equal("joined by A", await onB.News.Next(), "the client of B got");
        await onB.Do("ToOthersInGroup", group, "others");
        await onA.Do("LeaveAs", onB.Id, group);
        await onB.Do("ToGroup", group, "left");
        await onB.Do("ToCaller", mark);
        Expect.Equal("", string.Join(",", await onB.News.Until(mark)), "the client of B got after it was removed");
    }

    async Task Users()
    {
        var (ann, mark) = (Some("ann"), Some("mark"));
        await using var annA = await On(a, options: new() { User = new(ann) });
        await using var annB = await On(b, options: new() { User = new(ann) });
        await using var other = await On(b, options: new() { User = new("other") });
        await other.Do("ToUser", "uid:" + ann, "to ann");
        await other.Do("ToUsers", new[] { "uid:" + ann, "uid:nobody" }, "to several");
        await other.Do("ToAll", mark);
        Expect.Equal("to ann,to several", string.Join(",", await annA.News.Until(mark)), "ann on A got");
        Expect.Equal("to ann,to several", string.Join(",", await annB.News.Until(mark)), "ann on B got");
        Expect.Equal("", string.Join(",", await other.News.Until(mark)), "the other got");
    }

    async Task FromOutside()
    {
        var group = Some("group");
        await using var onB = await On(b, options: new() { User = new(group) });
        await a.Send("client", "1", onB.Id);
        await onB.News.Until("1");
        await a.Send("user", "2", "uid:" + group);
        await onB.News.Until("2");
        await a.Post($"/join?id={onB.Id}&group={group}");
        await a.Send("group", "3", group);
        await onB.News.Until("3");
        await a.Send("all", "4");
        await onB.News.Until("4");
    }

    async Task Order()
    {
        var group = Some("group");
        await using var onA = await On(a);
        await using var onB = await On(b);
        await onB.Do("Join", group);
        await onA.Do("BurstToGroup", group, 300);
        for (var i = 0; i < 300; i++) Expect.Equal(i, await onB.Numbers.Next(), "the next number of the group");
        await onA.Do("BurstToClient", onB.Id, 300);
        for (var i = 0; i < 300; i++) Expect.Equal(i, await onB.Numbers.Next(), "the next number of the client");
    }

    async Task Large()
    {
        var mark = Some("mark");
        await using var onA = await On(a);
        await using var onB = await On(b);
        foreach (var size in new[] { 500_000, 5_000_000 })
        {
            await onA.Do("BigToAll", mark, size);
            await onB.News.Until(mark + new string('y', size), 30);
        }
    }
}
