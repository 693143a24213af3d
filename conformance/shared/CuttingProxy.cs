using System.Net;
using System.Net.Sockets;

namespace Hubwire.Conformance;

/// <summary>Passes TCP connections on to the service, and can cut all of them without a goodbye.</summary>
sealed class CuttingProxy : IDisposable
{
    readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly Uri target;
    readonly HashSet<Socket> open = [];

    public CuttingProxy(string endpoint)
    {
        target = new Uri(endpoint);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _ = AcceptAll();
    }

    public string Endpoint => $"http://{listener.LocalEndPoint}";

    public void Cut()
    {
        lock (open)
        {
            foreach (var socket in open)
            {
                socket.LingerState = new LingerOption(true, 0); // a reset, not an orderly end
                socket.Dispose();
            }
            open.Clear();
        }
    }

    public void Dispose()
    {
        listener.Dispose();
        Cut();
    }

    async Task AcceptAll()
    {
        try
        {
            while (true) _ = Relay(await listener.AcceptAsync());
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException) { } // disposed of
    }

    async Task Relay(Socket client)
    {
        var service = new Socket(SocketType.Stream, ProtocolType.Tcp); // IPv4 and IPv6
        lock (open) open.UnionWith([client, service]);
        try
        {
            await service.ConnectAsync(target.Host, target.Port);
            await using var toClient = new NetworkStream(client);
            await using var toService = new NetworkStream(service);
            await Task.WhenAny(toClient.CopyToAsync(toService), toService.CopyToAsync(toClient));
        }
        catch (Exception error) when (error is SocketException or IOException or InvalidOperationException) { } // cut
        lock (open)
        {
            open.ExceptWith([client, service]);
            client.Dispose();
            service.Dispose();
        }
    }
}
