import type { Group } from './group.js';
import type { Sample } from './rounds.js';

const COLUMNS = [
  ['case', 19],
  ['conn', 5],
  ['per s', 6],
  ['/express', 9],
  ['/fastify', 9],
  ['/alone', 7],
  ['/before', 8],
  ['spread', 7],
  ['p50', 7],
  ['p99', 7],
  ['p99/p50', 8],
  ['node ms', 8],
  ['/express', 9],
  ['/fastify', 9],
  ['/before', 8],
  ['spread', 7],
  ['pg ms', 7],
  ['/express', 9],
  ['/before', 8],
  ['MB', 5],
] as const;

export function title(): string {
  return row(COLUMNS.map(([name]) => name));
}

/** Medians of the controller, its ratios to the others, and the spread of its own processes. */
export function line(group: Group): string {
  const own = (member: keyof Sample): number => group.median('controller', member);
  const to = (system: string, member: keyof Sample): string => text(group.ratioTo(system, member));
  return row([
    group.name,
    String(group.connections),
    own('perSecond').toFixed(0),
    to('express', 'perSecond'),
    to('fastify', 'perSecond'),
    text(group.ratioToAlone()),
    to('before', 'perSecond'),
    text(group.spread('perSecond')),
    own('p50').toFixed(2),
    own('p99').toFixed(2),
    text(own('p99') / own('p50')),
    own('nodeMs').toFixed(3),
    to('express', 'nodeMs'),
    to('fastify', 'nodeMs'),
    to('before', 'nodeMs'),
    text(group.spread('nodeMs')),
    own('postgresMs').toFixed(2),
    to('express', 'postgresMs'),
    to('before', 'postgresMs'),
    own('rssMb').toFixed(0),
  ]);
}

/** What we aim for, on the machine that the run is on. */
export function judge(groups: readonly Group[]): { text: string; kept: boolean } {
  const missed: string[] = [];
  const check = (isKept: boolean, what: string): void => {
    if (!isKept) missed.push(what);
  };
  for (const group of groups) {
    const { name, connections } = group;
    const toHand = group.ratioTo('express', 'perSecond');
    const toAlone = group.ratioToAlone();
    const p50 = group.median('controller', 'p50');
    const p99 = group.median('controller', 'p99');
    if (connections === 16) check(!(toHand < 1), `${name}: ${text(toHand)} of Express`);
    if (connections === 16 && name === 'route with key')
      check(!(toAlone < 0.5), `${name}: ${text(toAlone)} of Postgres alone`);
    if (connections === 64) check(p99 <= 4 * p50, `${name}: p99 is ${text(p99 / p50)} times p50`);
  }
  const verdict =
    missed.length === 0 ? 'All aims are reached.' : `Missed:\n  ${missed.join('\n  ')}`;
  return { text: verdict, kept: missed.length === 0 };
}

function text(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '-';
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, n) => (n === 0 ? cell.padEnd(COLUMNS[0][1]) : cell.padStart(COLUMNS[n]?.[1] ?? 0)))
    .join(' ');
}
