import { isFullHubName } from "./hub-name.ts";

/** The parts of a request to `/client` and `/server` that their rules look at. */
export interface HubRequest {
  /** Lower-case, without a trailing slash: `/client`, `/client/negotiate` or `/server`, or something that is not ours. */
  readonly path: string;
  /** Values of a query key in any letter case, decoded, in their order. */
  query(key: string): readonly string[];
  /** The query as it came, without `access_token` and `id`: empty, or with a leading `?`. */
  readonly passedOnQuery: string;
}

/** Takes a request's URL apart. */
export function readHubRequest({ url = "/" }: { readonly url?: string | undefined }): HubRequest {
  const mark = url.indexOf("?");
  const path = (mark < 0 ? url : url.slice(0, mark)).toLowerCase().replace(/\/$/, "");
  const search = mark < 0 ? "" : url.slice(mark + 1);
  const parameters = new URLSearchParams(search);
  return {
    path,
    query: (key) => {
      const values: string[] = [];
      for (const [name, value] of parameters) if (name.toLowerCase() === key) values.push(value);
      return values;
    },
    get passedOnQuery() {
      const kept = search.split("&").filter((part) => part !== "" && !/^(access_token|id)(=|$)/i.test(part));
      return kept.length === 0 ? "" : `?${kept.join("&")}`;
    },
  };
}

/** The one hub that the request names, lower-case, or what is wrong with it. */
export function requestedHub(request: HubRequest): { hub: string } | { error: string } {
  const hubs = request.query("hub");
  const [hub] = hubs;
  if (hub === undefined || hubs.length > 1)
    return { error: `The query must name exactly one hub ('?hub=chat'); it names ${hubs.length}.` };
  if (!isFullHubName(hub))
    return { error: "The hub name must start with a letter and have letters, digits and _ ` , . [ ] only." };
  return { hub: hub.toLowerCase() };
}
