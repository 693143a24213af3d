using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>Streams down, up and both ways.</summary>
public partial class MainHub
{
    public async IAsyncEnumerable<int> CountTo(int n, int ms, [EnumeratorCancellation] CancellationToken cancel)
    {
        var last = 0;
        try
        {
            for (var i = 1; i <= n; i++)
            {
                if (ms > 0) await Task.Delay(ms, cancel);
                last = i;
                yield return i;
            }
        }
        finally { events.Add($"stream ended {Context.ConnectionId} at {(last == n ? "its end" : "a cancel")}"); }
    }

    public ChannelReader<string> ReadChannel(int n)
    {
        var channel = Channel.CreateBounded<string>(2);
        _ = Fill();
        return channel.Reader;

        async Task Fill()
        {
            for (var i = 0; i < n; i++) await channel.Writer.WriteAsync("item " + i);
            channel.Writer.Complete();
        }
    }

    public async IAsyncEnumerable<int> StreamThenThrow(int n)
    {
        for (var i = 1; i <= n; i++)
        {
            await Task.Yield();
            yield return i;
        }
        throw new HubException("the stream broke");
    }

    public async Task<int> Sum(IAsyncEnumerable<int> numbers)
    {
        var sum = 0;
        await foreach (var n in numbers) sum += n;
        return sum;
    }

    public async Task<string> JoinTwo(ChannelReader<string> left, string between, IAsyncEnumerable<string> right)
    {
        var (fromLeft, fromRight) = ("", "");
        await foreach (var item in left.ReadAllAsync()) fromLeft += item;
        await foreach (var item in right) fromRight += item;
        return fromLeft + between + fromRight;
    }

    public async Task<string> UploadOutcome(IAsyncEnumerable<int> numbers)
    {
        var seen = 0;
        try
        {
            await foreach (var _ in numbers) seen++;
            return $"{seen} and the end";
        }
        catch (Exception error) { return $"{seen} and {error.GetType().Name}"; }
    }

    public async IAsyncEnumerable<string> Upper(IAsyncEnumerable<string> words)
    {
        await foreach (var word in words) yield return word.ToUpperInvariant();
    }
}
