using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

static class Samples
{
    /// <summary>An object with a member of every kind that both protocols can carry.</summary>
    public static Shape Shape(int depth = 2) => new()
    {
        Text = "žluťoučký 🐎 \u2028 \u001e \" \\ </script> \0", Long = long.MinValue, Big = ulong.MaxValue, Int = int.MaxValue, Double = 0.1, Decimal = 12345678901234567890.123456789m, Flag = true,
        When = new DateTime(2026, 11, 25, 1, 2, 3, 456, DateTimeKind.Utc), Bytes = [0, 1, 30, 127, 128, 255], Numbers = [1, -2, 300], Colour = Colour.Blue,
        Map = new() { ["a"] = "b", ["empty"] = "", ["none"] = null, ["🐎"] = "ž" }, Id = Guid.Parse("6b29fc40-ca47-1067-b31d-00dd010662da"), Inner = depth > 0 ? Shape(depth - 1) : null,
    };

    /// <summary>What a client answers to the hubs' questions.</summary>
    public static void AnswerQuestions(this AppClient client)
    {
        client.Connection.On<string, string>("ask", question => "re: " + question);
        client.Connection.On<string, string>("Ask", question => "re: " + question);
        client.Connection.On<int, int>("askInt", n => n + 1);
        client.Connection.On<Shape, Shape>("askShape", shape => { shape.Int--; return shape; });
        client.Connection.On<string?>("askNull", () => (string?)null);
        client.Connection.On<string, int>("askError", Task<int> (_) => throw new InvalidOperationException("the client cannot"));
        client.Connection.On<string, string>("askText", _ => "not a number");
        client.Connection.On<string, int>("askSlow", async _ => { await Task.Delay(30_000); return 1; });
    }

    /// <summary>A client that answers what the hubs ask.</summary>
    public static async Task<AppClient> Answering(AppServer server, Wire wire, string hub = "results")
    {
        var client = AppClient.Build(server, wire, hub);
        client.AnswerQuestions();
        await client.Start();
        return client;
    }
}
