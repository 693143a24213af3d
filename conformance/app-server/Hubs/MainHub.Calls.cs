using Microsoft.AspNetCore.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>Results of every shape, and errors.</summary>
public partial class MainHub
{
    public Shape EchoShape(Shape shape) => shape;
    public Shape? EchoNullable(Shape? shape) => shape;
    public string? Echo(string? text) => text;
    public Task<string> EchoAsync(string text) => Task.FromResult(text);
    public async ValueTask<string> EchoSlow(string text, int ms) { await Task.Delay(ms); return text; }
    public long EchoLong(long n) => n;
    public ulong EchoULong(ulong n) => n;
    public double EchoDouble(double n) => n;
    public decimal EchoDecimal(decimal n) => n;
    public bool Not(bool flag) => !flag;
    public int[] EchoInts(int[] numbers) => numbers;
    public byte[] EchoBytes(byte[] bytes) => bytes;
    public Dictionary<string, int> EchoMap(Dictionary<string, int> map) => map;
    public List<List<string>> EchoNested(List<List<string>> lists) => lists;
    public object? Null() => null;
    public void Void() => events.Add("void " + Context.ConnectionId);
    public Task VoidTask() => Task.CompletedTask;
    public int Add(int a, int b) => a + b;
    [HubMethodName("renamed")] public string HasAnotherName() => "renamed";
    public string Big(int length) => new('x', length);
    public int Length(string text) => text.Length;
    public void Numbered(string series, int n) => events.Number(series, n);
    public int Count() { var n = Context.Items.TryGetValue("n", out var seen) ? (int)seen! + 1 : 1; Context.Items["n"] = n; return n; }
    public void Mark(string key, string value) => Context.Items[key] = value;

    public void ThrowHub(string text) => throw new HubException(text);
    public async Task ThrowHubAsync(string text) { await Task.Yield(); throw new HubException(text); }
    public void Throw(string text) => throw new InvalidOperationException(text);
    public void AbortMe() => Context.Abort();
}
