import type { Sample } from './rounds.js';

/** All rounds of one case at one number of connections. */
export interface Group {
  name: string;
  connections: number;
  /** By the name of the system. */
  samples: Record<string, Sample[]>;
  /** Transactions per second that pgbench made. */
  alone: number[];
}

const COLUMNS = [
  ['case', 19],
  ['conn', 5],
  ['per s', 7],
  ['/hand', 6],
  ['/alone', 7],
  ['/before', 8],
  ['p50', 7],
  ['p99', 7],
  ['p99/p50', 8],
  ['node ms', 8],
  ['(hand)', 7],
  ['/before', 8],
  ['pg ms', 7],
  ['(hand)', 7],
  ['MB', 5],
] as const;

export function title(): string {
  return row(COLUMNS.map(([name]) => name));
}

/** Medians, and ratios of medians. */
export function line(group: Group): string {
  const own = medians(group, 'controller');
  const hand = medians(group, 'hand-written');
  const before = medians(group, 'before');
  return row([
    group.name,
    String(group.connections),
    own.perSecond.toFixed(0),
    ratio(own.perSecond, hand.perSecond),
    ratio(own.perSecond, median(group.alone)),
    ratio(own.perSecond, before.perSecond),
    own.p50.toFixed(2),
    own.p99.toFixed(2),
    ratio(own.p99, own.p50),
    own.nodeMs.toFixed(2),
    hand.nodeMs.toFixed(2),
    ratio(own.nodeMs, before.nodeMs),
    own.postgresMs.toFixed(2),
    hand.postgresMs.toFixed(2),
    own.rssMb.toFixed(0),
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
    const own = medians(group, 'controller');
    const toHand = own.perSecond / medians(group, 'hand-written').perSecond;
    const toAlone = own.perSecond / median(group.alone);
    if (connections === 16) check(!(toHand < 1), `${name}: ${toHand.toFixed(2)} of hand-written`);
    if (connections === 16 && name === 'route with key')
      check(!(toAlone < 0.5), `${name}: ${toAlone.toFixed(2)} of Postgres alone`);
    if (connections === 64)
      check(own.p99 <= 4 * own.p50, `${name}: p99 is ${ratio(own.p99, own.p50)} times p50`);
  }
  const text = missed.length === 0 ? 'All aims are reached.' : `Missed:\n  ${missed.join('\n  ')}`;
  return { text, kept: missed.length === 0 };
}

function medians({ samples }: Group, system: string): Sample {
  const of = (member: keyof Sample): number =>
    median((samples[system] ?? []).map((sample) => sample[member]));
  return {
    perSecond: of('perSecond'),
    count: of('count'),
    p50: of('p50'),
    p99: of('p99'),
    nodeMs: of('nodeMs'),
    postgresMs: of('postgresMs'),
    rssMb: of('rssMb'),
  };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function ratio(a: number, b: number): string {
  return Number.isNaN(a / b) ? '-' : (a / b).toFixed(2);
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, n) => (n === 0 ? cell.padEnd(COLUMNS[0][1]) : cell.padStart(COLUMNS[n]?.[1] ?? 0)))
    .join(' ');
}
