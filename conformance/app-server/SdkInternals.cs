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
        Outcome(Invoke("RefreshAuthAsync", new RefreshAuthMessage(connectionToken, claims, DateTimeOffset.UtcNow.AddHours(1), 0), null, CancellationToken.None));

    /// <summary>The status, and the claims of a client that is named by its connection token.</summary>
    public Task<string> ClaimsOf(string connectionToken) =>
        Outcome(Invoke("GetConnectionClaimsAsync", new GetConnectionClaimsMessage(connectionToken, 0), CancellationToken.None));

    /// <summary>Who is in a group, page by page: connection id and user id.</summary>
    public async Task<List<string[]>> MembersOf(string group, int? top, int pageSize)
    {
        var pages = (IAsyncEnumerable<object>)Invoke("ListConnectionsInGroupAsync", group, top, pageSize, null, null, CancellationToken.None);
        var all = new List<string[]>();
        await foreach (var page in pages)
        {
            var members = (IEnumerable<SignalRGroupMember>)page.GetType().GetProperty("Values")!.GetValue(page)!;
            all.Add([.. members.Select(member => $"{member.ConnectionId} {member.UserId}")]);
        }
        return all;
    }

    static async Task<string> Outcome(object task)
    {
        await (Task)task;
        var result = task.GetType().GetProperty("Result")!.GetValue(task)!;
        object? Of(string name) => result.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(result);
        var claims = (Of("Claims") as IEnumerable ?? Array.Empty<Claim>()).Cast<Claim>().Select(claim => $"{claim.Type}={claim.Value}");
        return $"{Of("Status")}: {string.Join("; ", claims)}";
    }

    object Invoke(string name, params object?[] arguments)
    {
        var methods = Manager.GetInterfaces().Append(Manager).SelectMany(type => type.GetMethods());
        return methods.First(method => method.Name == name && method.GetParameters().Length == arguments.Length).Invoke(manager, arguments)!;
    }
}
