using System.Collections.Concurrent;

namespace Hubwire.Conformance.App;

/// <summary>What happened in this process, for the driver to read over HTTP.</summary>
public sealed class Events
{
    readonly ConcurrentQueue<string> log = new();
    readonly ConcurrentDictionary<string, ConcurrentQueue<int>> numbers = new();

    public string[] All => [.. log];

    public void Add(string text) => log.Enqueue(text);

    /// <summary>Remembers a numbered message of a client, in order of arrival.</summary>
    public void Number(string series, int n) => numbers.GetOrAdd(series, _ => new()).Enqueue(n);

    public int[] Numbers(string series) => numbers.TryGetValue(series, out var queue) ? [.. queue] : [];
}
