
namespace Hubwire.Conformance.AppServers;

/// <summary>Groups, users, and sends to each kind of audience.</summary>
sealed class SendChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("groups: join, send, leave", Groups),
        new("groups: join, send, leave, send within one call keep their order", GroupOrder),
        new("groups: except, several, others, odd names", GroupKinds),
        new("groups: joining an unknown connection does no harm", JoinUnknown),
        new("sends: all, all except, client, clients, caller, others", SendKinds),
        new("users: every connection of a user, several users, nobody else", Users),
        new("IHubContext: every kind of send, join and leave from outside the hub", FromOutside),
    ];

    async Task Groups()
    {
        var (group, mark) = (Some("group"), Some("mark"));
        await using var member = await Connect();
        await using var other = await Connect();
        await member.Do("Join", group);
        await other.Do("ToGroup", group, "to members");
        Expect.Equal("to members", await member.News.Next(), "the member's first message");
        await member.Do("Leave", group);
        await member.Do("ToGroup", group, "to nobody");
        await member.Do("ToAll", mark);
        Expect.Equal(0, (await member.News.Until(mark)).Count(t => t == "to nobody"), "messages after leaving");
        Expect.Equal(0, (await other.News.Until(mark)).Count(t => t.StartsWith("to ")), "messages of who was never in");
        await other.Do("JoinAs", member.Id, group);
        await other.Do("ToGroup", group, "joined by another");
        Expect.Equal("joined by another", await member.News.Next(), "the message after another joined it");
        await other.Do("LeaveAs", member.Id, group);
    }

    async Task GroupOrder()
    {
        var (group, text) = (Some("group"), Some("text"));
        await using var client = await Connect();
        await client.Do("JoinSendLeaveSend", group, text);
        Expect.Equal(text + " in", string.Join(",", await client.News.Until(text + " end")), "what came before the end");
    }

    async Task GroupKinds()
    {
        var (one, two, mark) = (Some("one"), Some("a/b č%?#& 🐎"), Some("mark"));
        await using var a = await Connect();
        await using var b = await Connect();
        await using var c = await Connect();
        await a.Do("Join", one); await b.Do("Join", one); await b.Do("Join", two); await c.Do("Join", two);
        await a.Do("ToGroupExcept", one, new[] { b.Id, "unknown" }, "except b");
        await a.Do("ToOthersInGroup", one, "others of a");
        await a.Do("ToGroup", two, "two");
        await a.Do("ToGroups", new[] { one, Some("nobody"), two }, "both");
        await a.Do("ToClients", new[] { a.Id, b.Id, c.Id }, mark);
        Expect.Equal("except b,both", string.Join(",", await a.News.Until(mark)), "a got");
        Expect.Equal("others of a,two,both", string.Join(",", (await b.News.Until(mark)).Distinct()), "b got");
        Expect.Equal("two,both", string.Join(",", await c.News.Until(mark)), "c got");
    }

    async Task JoinUnknown()
    {
        await using var client = await Connect();
        await client.Do("JoinAs", "no-such-connection", Some("group"));
        await client.Do("LeaveAs", "no-such-connection", Some("group"));
        await client.Do("Leave", Some("never joined"));
        await client.Do("ToClient", "no-such-connection", "x");
        await client.Do("ToUser", "no such user", "x");
        await client.Do("ToGroup", Some("no such group"), "x");
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call afterwards");
    }

    async Task SendKinds()
    {
        var mark = Some("mark");
        await using var a = await Connect();
        await using var b = await Connect();
        await using var c = await Connect();
        await a.Do("ToAll", mark + "all");
        await a.Do("ToAllExcept", new[] { b.Id, "unknown" }, mark + "not b");
        await a.Do("ToClient", b.Id, mark + "b");
        await a.Do("ToClients", new[] { b.Id, c.Id }, mark + "b and c");
        await a.Do("ToCaller", mark + "caller");
        await a.Do("ToOthers", mark + "others");
        await a.Do("ToAll", mark);
        async Task Got(AppClient client, string expected, string who) =>
            Expect.Equal(expected, string.Join(",", (await client.News.Until(mark)).Where(t => t.StartsWith(mark)).Select(t => t[mark.Length..])), who);
        await Got(a, "all,not b,caller", "a got");
        await Got(b, "all,b,b and c,others", "b got");
        await Got(c, "all,not b,b and c,others", "c got");
    }

    async Task Users()
    {
        var (ann, bob) = (Some("ann/ä"), Some("bob"));
        var mark = Some("mark");
        await using var ann1 = await Connect(options: new() { User = new(ann) });
        await using var ann2 = await Connect(options: new() { User = new(ann) });
        await using var bob1 = await Connect(options: new() { User = new(bob) });
        await using var nobody = await Connect();
        await bob1.Do("ToUser", "uid:" + ann, "ann");
        await bob1.Do("ToUser", ann, "not the user id");
        await bob1.Do("ToUsers", new[] { "uid:" + ann, "uid:" + bob, "uid:none" }, "both");
        await bob1.Do("ToAll", mark);
        Expect.Equal("ann,both", string.Join(",", await ann1.News.Until(mark)), "the first connection of ann got");
        Expect.Equal("ann,both", string.Join(",", await ann2.News.Until(mark)), "the second connection of ann got");
        Expect.Equal("both", string.Join(",", await bob1.News.Until(mark)), "bob got");
        Expect.Equal("", string.Join(",", await nobody.News.Until(mark)), "nobody got");
        await ann1.DisposeAsync();
        await bob1.Do("ToUser", "uid:" + ann, "one left");
        Expect.Equal("one left", await ann2.News.Next(), "the connection that is left");
    }

    async Task FromOutside()
    {
        var (group, ann) = (Some("group"), Some("ann"));
        await using var a = await Connect(options: new() { User = new(ann) });
        await using var b = await Connect();
        async Task Sent(string to, string ids, string except, AppClient[] reached)
        {
            var mark = Some(to);
            await Server.Send(to, mark, ids, except);
            foreach (var client in reached) Expect.True(!(await client.News.Until(mark)).Any(t => t.StartsWith("not ")), $"after {to}");
            if (reached.Length == 2) return;
            var other = reached[0] == a ? b : a;
            await Server.Send("client", "end of " + mark, other.Id);
            Expect.True(!(await other.News.Until("end of " + mark)).Contains(mark), $"a send to {to} reached the other too");
        }
        await Sent("all", "", "", [a, b]);
        await Sent("allexcept", "", b.Id, [a]);
        await Sent("client", b.Id, "", [b]);
        await Sent("clients", $"{a.Id},{b.Id},unknown", "", [a, b]);
        await Sent("user", "uid:" + ann, "", [a]);
        await Sent("users", $"uid:{ann},uid:x", "", [a]);
        await Server.Post($"/join?id={b.Id}&group={group}");
        await Sent("group", group, "", [b]);
        await Server.Post($"/join?id={a.Id}&group={group}");
        await Sent("groups", $"{group},other", "", [a, b]);
        await Sent("groupexcept", group, a.Id, [b]);
        await Server.Post($"/leave?id={b.Id}&group={group}");
        await Sent("group", group, "", [a]);
    }
}
