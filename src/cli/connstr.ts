import { Command } from "commander";
import { formatConnectionString } from "../auth/connection-string.ts";
import { publicEndpoint } from "../config/public-endpoint.ts";
import { CommandError } from "./command-error.ts";
import { addConfigOptions, configOf } from "./config-options.ts";

/** `hubwire connstr` */
export function connstrCommand(): Command {
  const command = new Command("connstr").description(
    "print the connection string of a service with this configuration",
  );
  return addConfigOptions(command, ["port", "host", "accessKeys"]).action(() => {
    const config = configOf(command);
    const { endpoint, port } = publicEndpoint(config);
    const [accessKey = ""] = config.accessKeys;
    if (port === 0)
      throw new CommandError(
        "port 0 takes any free port, which only a started service knows: hubwire start prints it",
      );
    console.log(formatConnectionString({ endpoint, port, accessKey }));
  });
}
