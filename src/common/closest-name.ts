/**
 * Returns the known name that is closest to a misspelled one; undefined if none is close enough. The distance is the
 * optimal string alignment distance (insertion, deletion, substitution, transposition of neighbours). It must be at most
 * two and less than half of the length of the known name.
 */
export function closestName(name: string, known: readonly string[]): string | undefined {
  // Longer names are never close, and comparing them would be slow.
  if (name.length > 64) return undefined;
  const [best] = known
    .map((candidate) => ({ candidate, edits: editsBetween(name.toLowerCase(), candidate) }))
    .filter(({ candidate, edits }) => edits <= 2 && edits * 2 < candidate.length)
    .sort((a, b) => a.edits - b.edits);
  return best?.candidate;
}

function editsBetween(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isExchanged =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      line.push(
        Math.min(
          at(last, column) + 1,
          at(line, column - 1) + 1,
          at(last, column - 1) + (isSame ? 0 : 1),
          isExchanged ? at(before, column - 2) + 1 : Infinity,
        ),
      );
    }
    before = last;
    last = line;
  }
  return at(last, to.length);
}

function at(line: readonly number[], column: number): number {
  return line[column] ?? Infinity;
}
