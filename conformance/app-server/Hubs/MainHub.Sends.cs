using Microsoft.AspNetCore.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>Groups, users, and sends to each kind of audience.</summary>
public partial class MainHub
{
    public Task Join(string group) => Groups.AddToGroupAsync(Context.ConnectionId, group);
    public Task Leave(string group) => Groups.RemoveFromGroupAsync(Context.ConnectionId, group);
    public Task JoinAs(string connectionId, string group) => Groups.AddToGroupAsync(connectionId, group);
    public Task LeaveAs(string connectionId, string group) => Groups.RemoveFromGroupAsync(connectionId, group);
    public async Task JoinSendLeaveSend(string group, string text)
    {
        await Groups.AddToGroupAsync(Context.ConnectionId, group);
        await Clients.Group(group).SendAsync("news", text + " in");
        await Groups.RemoveFromGroupAsync(Context.ConnectionId, group);
        await Clients.Group(group).SendAsync("news", text + " out");
        await Clients.Caller.SendAsync("news", text + " end");
    }
    public Task ToAll(string text) => Clients.All.SendAsync("news", text);
    public Task ToAllExcept(string[] ids, string text) => Clients.AllExcept(ids).SendAsync("news", text);
    public Task ToClient(string id, string text) => Clients.Client(id).SendAsync("news", text);
    public Task ToClients(string[] ids, string text) => Clients.Clients(ids).SendAsync("news", text);
    public Task ToGroup(string group, string text) => Clients.Group(group).SendAsync("news", text);
    public Task ToGroupExcept(string group, string[] ids, string text) => Clients.GroupExcept(group, ids).SendAsync("news", text);
    public Task ToGroups(string[] groups, string text) => Clients.Groups(groups).SendAsync("news", text);
    public Task ToUser(string user, string text) => Clients.User(user).SendAsync("news", text);
    public Task ToUsers(string[] users, string text) => Clients.Users(users).SendAsync("news", text);
    public Task ToCaller(string text) => Clients.Caller.SendAsync("news", text);
    public Task ToOthers(string text) => Clients.Others.SendAsync("news", text);
    public Task ToOthersInGroup(string group, string text) => Clients.OthersInGroup(group).SendAsync("news", text);
    public Task Shapes(Shape shape, long number, string? nothing) => Clients.Caller.SendAsync("shapes", shape, number, nothing);
    public Task NoArguments() => Clients.Caller.SendAsync("nothing");
    public async Task Burst(int n) { for (var i = 0; i < n; i++) await Clients.Caller.SendAsync("number", i); }
    public async Task BurstToGroup(string group, int n) { for (var i = 0; i < n; i++) await Clients.Group(group).SendAsync("number", i); }
    public async Task BurstToClient(string id, int n) { for (var i = 0; i < n; i++) await Clients.Client(id).SendAsync("number", i); }
    public Task BigToAll(string marker, int length) => Clients.All.SendAsync("news", marker + new string('y', length));
}
