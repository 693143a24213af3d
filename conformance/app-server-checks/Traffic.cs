using Microsoft.AspNetCore.SignalR.Client;

namespace Hubwire.Conformance.AppServers;

/// <summary>Calls one after another, and numbered messages, until it is stopped.</summary>
sealed class Traffic
{
    readonly CancellationTokenSource stop = new();
    readonly Task running;

    public Traffic(AppClient client, string series) => running = Task.WhenAll(Call(client), Send(client, series));

    public int Calls { get; private set; }
    /// <summary>Calls that were never answered.</summary>
    public int Lost { get; private set; }
    /// <summary>The last number that was sent; the first one is 1.</summary>
    public int Sent { get; private set; }

    public async Task Stop()
    {
        stop.Cancel();
        await Expect.Soon(running, "the end of the traffic");
        await Task.Delay(300);
    }

    async Task Call(AppClient client)
    {
        while (!stop.IsCancellationRequested)
        {
            Calls++;
            try { await client.Connection.InvokeAsync<string>("Echo", "x").WaitAsync(TimeSpan.FromSeconds(4)); }
            catch (TimeoutException) { Lost++; }
            await Task.Delay(5);
        }
    }

    async Task Send(AppClient client, string series)
    {
        while (!stop.IsCancellationRequested)
        {
            await client.Connection.SendAsync("Numbered", series, ++Sent);
            await Task.Delay(10);
        }
    }
}
