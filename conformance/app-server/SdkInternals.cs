using System.Collections;
using System.Reflection;
using System.Security.Claims;
using Microsoft.Azure.SignalR;
using Microsoft.Azure.SignalR.Protocol;

namespace Hubwire.Conformance.App;

/// <summary>What this SDK can do but has no public door for on .NET 10: renewing a client's authentication, and group members.</summary>
sealed class SdkInternals(IServiceProvider services)
{
    static readonly Type Manager = typeof(ServiceOptions).Assembly.GetType("Microsoft.Azure.SignalR.IServiceConnectionManager`1", throwOnError: true)!.MakeGenericType(typeof(MainHub));

    readonly object manager = services.GetRequiredService(Manager);

    /// <summary>Gives a client, named by its connection token, other claims; the status, and the claims that it has then.</summary>
    public Task<string> RenewClaims(string connectionToken, Claim[] claims) =>
        Call("RefreshAuthAsync", new RefreshAuthMessage(connectionToken, claims, DateTimeOffset.UtcNow.AddHours(1), 0));

    /// <summary>The status, and the claims of a client that is named by its connection token.</summary>
    public Task<string> ClaimsOf(string connectionToken) => Call("GetConnectionClaimsAsync", new GetConnectionClaimsMessage(connectionToken, 0));

    /// <summary>Who is in a group, page by page: connection id and user id.</summary>
    public async Task<List<string[]>> MembersOf(string group, int? top, int pageSize)
    {
        var list = Method("ListConnectionsInGroupAsync");
        var pages = (IAsyncEnumerable<object>)list.Invoke(manager, [group, top, pageSize, null, null, CancellationToken.None])!;
        var all = new List<string[]>();
        await foreach (var page in pages)
        {
            var members = (IEnumerable<SignalRGroupMember>)page.GetType().GetProperty("Values")!.GetValue(page)!;
            all.Add([.. members.Select(member => $"{member.ConnectionId} {member.UserId}")]);
        }
        return all;
    }

    async Task<string> Call(string method, object message)
    {
        var task = (Task)Method(method).Invoke(manager, [message, null, CancellationToken.None])!;
        await task;
        var result = task.GetType().GetProperty("Result")!.GetValue(task)!;
        object? Of(string name) => result.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(result);
        var claims = (Of("Claims") as IEnumerable ?? Array.Empty<Claim>()).Cast<Claim>().Select(claim => $"{claim.Type}={claim.Value}");
        return $"{Of("Status")}: {string.Join("; ", claims)}";
    }

    static MethodInfo Method(string name) => Manager.GetInterfaces().Append(Manager).SelectMany(type => type.GetMethods()).First(method => method.Name == name);
}
