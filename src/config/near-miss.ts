/** The known name that was probably meant, if one is near enough. Letter case, `_` and `-` do not count. */
export function nearMiss(given: string, known: Iterable<string>): string | undefined {
  const wanted = plain(given.slice(0, 100));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = distanceTo(wanted, name);
    if (distance <= Math.max(1, wanted.length / 4) && distance < (best?.distance ?? Infinity))
      best = { name, distance };
  }
  return best?.name;
}

/** A name counts as its whole, as its last part ("port" for "a.port"), and half a step off as what it begins with. */
function distanceTo(wanted: string, name: string): number {
  const whole = plain(name);
  const last = plain(name.slice(name.lastIndexOf(".") + 1));
  const begins = wanted.length >= 4 && last.startsWith(wanted) ? 0.5 : Infinity;
  return Math.min(begins, editDistance(wanted, whole), editDistance(wanted, last) + 0.1);
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, "");
}

/** How many characters must be put in, taken out, exchanged, or swapped with their neighbour. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const exchanged = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwap ? at(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(exchanged, swapped, at(last, j) + 1, at(row, j - 1) + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
