// An ordinary ASP.NET Core app server, with hubs for the checks beside it. See ../app-server-checks/README.md.
using System.Diagnostics;
using Hubwire.Conformance.App;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Azure.SignalR;

var settings = new Settings(args);
if (settings.Parent is { } parent) _ = EndWith(parent);
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
builder.WebHost.UseUrls($"http://127.0.0.1:{settings.Port}").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = 32 << 20);
builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(Enum.Parse<LogLevel>(settings.LogLevel));
builder.Services.AddSingleton(settings).AddSingleton<Events>().AddSingleton<IUserIdProvider, TestUserIds>();
builder.Services.AddAuthentication(TestAuthentication.SchemeName).AddScheme<AuthenticationSchemeOptions, TestAuthentication>(TestAuthentication.SchemeName, null);
builder.Services.AddAuthorization(authorization => authorization.AddPolicy("tenant", policy => policy.RequireClaim("tenant", "blue")));
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
if (settings.Blazor) builder.Services.AddRazorComponents().AddInteractiveServerComponents();
var signalr = builder.Services
    .AddSignalR(hub =>
    {
        hub.EnableDetailedErrors = settings.DetailedErrors;
        hub.MaximumReceiveMessageSize = 16 << 20;
    })
    .AddHubOptions<DetailedHub>(hub => hub.EnableDetailedErrors = true)
    .AddHubOptions<ResultsHub>(hub => hub.MaximumParallelInvocationsPerClient = 20)
    .AddHubOptions<TypedHub>(hub => hub.MaximumParallelInvocationsPerClient = 20)
    .AddMessagePackProtocol();
if (!settings.SelfHosted)
{
    signalr.AddAzureSignalR(azure => Service.Configure(azure, settings));
    builder.Services.AddSingleton<IServerNameProvider>(new ServerName(settings.Name));
}

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();
app.MapHub<MainHub>("/main", hub => hub.AllowStatefulReconnects = settings.StatefulReconnects == "hubs");
app.MapHub<DetailedHub>("/detailed");
app.MapHub<SecureHub>("/deep/er/secure");
app.MapHub<ResultsHub>("/results", hub => hub.AllowStatefulReconnects = settings.StatefulReconnects == "hubs");
app.MapHub<TypedHub>("/typed");
app.MapHub<ExpiringHub>("/expiring", hub => hub.CloseOnAuthenticationExpiration = true);
if (settings.Blazor)
{
    app.UseAntiforgery();
    app.MapRazorComponents<Hubwire.Conformance.App.Page>().AddInteractiveServerRenderMode();
}
app.MapDoors(settings);
await app.RunAsync();

static async Task EndWith(int parent)
{
    try { await Process.GetProcessById(parent).WaitForExitAsync(); }
    catch (ArgumentException) { } // it has ended already
    Environment.Exit(3);
}
