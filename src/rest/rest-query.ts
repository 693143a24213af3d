/** The query of a request: names in any letter case, and an empty value is as good as none, as ASP.NET binds them. */
export class RestQuery {
  readonly #parameters: [name: string, value: string][] = [];

  /** @param url with or without an origin */
  constructor(url: string) {
    const mark = url.indexOf("?");
    if (mark < 0) return;
    for (const [name, value] of new URLSearchParams(url.slice(mark)))
      if (value !== "") this.#parameters.push([name.toLowerCase(), value]);
  }

  /** @param name in lower case */
  first(name: string): string | undefined {
    return this.#parameters.find(([other]) => other === name)?.[1];
  }

  /** @param name in lower case */
  all(name: string): string[] {
    return this.#parameters.filter(([other]) => other === name).map(([, value]) => value);
  }
}
