using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hubwire.Conformance.AppServers;

/// <summary>Negotiates with the next app server when one cannot be reached, as a load balancer would.</summary>
sealed class Failover(HttpMessageHandler inner, AppServer[] servers) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        if (request.RequestUri!.Authority != new Uri(servers[0].Url).Authority) return await base.SendAsync(request, cancel);
        foreach (var server in servers.Where(server => !server.HasExited))
        {
            var url = new UriBuilder(request.RequestUri) { Port = new Uri(server.Url).Port }.Uri;
            var copy = new HttpRequestMessage(request.Method, url) { Content = request.Content };
            foreach (var (name, values) in request.Headers) copy.Headers.TryAddWithoutValidation(name, values);
            try
            {
                var response = await base.SendAsync(copy, cancel);
                if ((int)response.StatusCode < 500) return response;
                response.Dispose();
            }
            catch (HttpRequestException) { } // the next one
        }
        throw new HttpRequestException("no app server is left");
    }
}

/// <summary>Sends a client that is sent on to the service to a proxy before it instead.</summary>
sealed class Reroute(HttpMessageHandler inner, CuttingProxy proxy) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        var response = await base.SendAsync(request, cancel);
        if (!request.RequestUri!.AbsolutePath.EndsWith("/negotiate") || !response.IsSuccessStatusCode) return response;
        var json = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))!;
        if ((string?)json["url"] is { } url)
            json["url"] = new UriBuilder(url) { Scheme = "http", Host = "127.0.0.1", Port = new Uri(proxy.Endpoint).Port }.Uri.AbsoluteUri;
        response.Content = new StringContent(json.ToJsonString(), Encoding.UTF8, "application/json");
        return response;
    }
}

/// <summary>Tells what negotiates are answered with.</summary>
sealed class Eavesdropper(HttpMessageHandler inner, Action<JsonElement> heard) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        var response = await base.SendAsync(request, cancel);
        if (!request.RequestUri!.AbsolutePath.EndsWith("/negotiate") || !response.IsSuccessStatusCode) return response;
        await response.Content.LoadIntoBufferAsync(cancel);
        heard(JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancel)).RootElement);
        return response;
    }
}
