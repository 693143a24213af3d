import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandOptions, type Outcome, runCommand } from "../../test/support/command.ts";

const DEVELOPMENT =
  "Endpoint=http://localhost;Port=8888;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

function hubwire(args: string, options?: CommandOptions): Promise<Outcome> {
  return runCommand("hubwire", args.split(" ").filter(Boolean), options);
}

test("without a command, help is printed", async () => {
  const { code, stdout, stderr } = await hubwire("");
  assert.deepEqual([code, stderr], [0, ""]);
  for (const command of ["start", "token", "connstr", "health", "version"])
    assert.match(stdout, new RegExp(`^  ${command} `, "m"));
});

for (const [args, message] of [
  ["sart", /unknown command 'sart'\n\(Did you mean start\?\)/],
  ["start --prot 1", /unknown option '--prot'\n\(Did you mean --port\?\)/],
  ["start extra", /too many arguments/],
  ["start --ip ::1 --host ::1", /cannot be used with option '--host/],
  ["start --port", /argument missing/],
] as const)
  test(`a call it does not know ends with 2: ${args}`, async () => {
    const { code, stdout, stderr } = await hubwire(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });

test("a wrong configuration ends with 78, before anything listens, and tells all that is wrong", async () => {
  const { code, stdout, stderr } = await hubwire("start --port x --access-key short --mode y", {
    env: { HUBWIRE_LOG_LEVLE: "info", HUBWIRE_CONFIG: "/none.yaml" },
  });
  assert.deepEqual([code, stdout], [78, ""]);
  assert.equal(
    stderr,
    `hubwire: the configuration has 5 problems:
  /none.yaml: there is no such file
  HUBWIRE_LOG_LEVLE: no setting has this name; did you mean HUBWIRE_LOG_LEVEL?
  --port: "x" is not a whole number from 0 to 65535
  --access-key[0]: what is given (not shown) is not an access key: 16 or more printable ASCII characters without space, comma and semicolon
  --mode: "y" is not one of auto, default, serverless
`,
  );
});

test("version prints the package's version and node's", async () => {
  const { code, stdout } = await hubwire("version");
  assert.equal(code, 0);
  assert.match(stdout, /^hubwire \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/);
});

for (const [args, env, connectionString] of [
  ["connstr", {}, DEVELOPMENT],
  [
    "connstr --port 80 --host 0.0.0.0 --access-key first-key-0123456789 --access-key other-key-0123456789",
    {},
    "Endpoint=http://localhost;Port=80;AccessKey=first-key-0123456789;Version=1.0;",
  ],
  [
    "connstr",
    { HUBWIRE_PUBLIC_URL: "https://signalr.example.com", HUBWIRE_ACCESS_KEY: "env-key-0123456789" },
    "Endpoint=https://signalr.example.com;Port=443;AccessKey=env-key-0123456789;Version=1.0;",
  ],
] as const)
  test(`${args} with ${JSON.stringify(env)} prints the connection string of that configuration`, async () => {
    assert.deepEqual(await hubwire(args, { env }), { code: 0, stdout: `${connectionString}\n`, stderr: "" });
  });

test("connstr refuses to guess a port", async () => {
  const { code, stdout, stderr } = await hubwire("connstr --port 0");
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^hubwire: port 0 takes any free port/);
});
