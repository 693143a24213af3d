using Microsoft.AspNetCore.Authorization;

namespace Hubwire.Conformance.App;

/// <summary>With detailed errors.</summary>
public sealed class DetailedHub(Settings settings, Events events) : MainHub(settings, events);

/// <summary>Only for who is signed in.</summary>
[Authorize]
public sealed class SecureHub(Settings settings, Events events) : MainHub(settings, events)
{
    [Authorize(Roles = "admin")] public string ForAdmins() => "admin " + Context.UserIdentifier;
    [Authorize(Policy = "tenant")] public string ForTenants() => "tenant " + Context.User!.FindFirst("tenant")!.Value;
    public string ForAll() => "all " + Context.UserIdentifier;
}

/// <summary>Closes its clients when their authentication expires.</summary>
public sealed class ExpiringHub(Settings settings, Events events) : MainHub(settings, events);
