import { describe, expect, it } from '@jest/globals';
import { parsePostgresUrl } from '../config/postgres-url.js';
import { type HostProbe, PostgresServer } from './postgres-server.js';
import type { Timeline } from './timeline.js';

const HOSTS = parsePostgresUrl('postgres://a,b/mesh');

type Outcome = number | Timeline | Error | 'hangs' | undefined;

/** Probes that end with a timeline of one cluster, an error, or not at all. */
function probes(outcomes: Record<string, Outcome>): HostProbe {
  return async ({ host }) => {
    const outcome = outcomes[host];
    if (outcome === 'hangs') return new Promise(() => undefined);
    if (outcome instanceof Error) throw outcome;
    return typeof outcome === 'number' ? { cluster: 'one', number: outcome } : outcome;
  };
}

/** The host that a server chooses when it has to choose again. */
async function choose(
  outcomes: Record<string, Outcome>,
  server = new PostgresServer(),
): Promise<string> {
  server.forgetHost();
  return (await server.hostOf(HOSTS, probes(outcomes))).host;
}

describe('PostgresServer', () => {
  it('chooses the primary on the latest timeline', async () => {
    expect(await choose({ a: 1, b: 2 })).toBe('b');
    expect(await choose({ a: 3, b: 2 })).toBe('a');
  });

  it('does not wait for a host that does not respond', async () => {
    expect(await choose({ a: 'hangs', b: 1 })).toBe('b');
  });

  it('uses a host that shows no timeline', async () => {
    expect(await choose({ a: undefined, b: new Error('down') })).toBe('a');
  });

  it('refuses a former primary, also while it is the only host that accepts writes', async () => {
    const server = new PostgresServer();
    expect(await choose({ a: 1, b: new Error('read only') }, server)).toBe('a');
    expect(await choose({ a: new Error('down'), b: 2 }, server)).toBe('b');
    await expect(choose({ a: 1, b: new Error('down') }, server)).rejects.toThrow(
      'a:5432 accepts writes on an earlier timeline than the primary before',
    );
    expect(await choose({ a: 1, b: 2 }, server)).toBe('b');
    expect(await choose({ a: 3, b: 2 }, server)).toBe('a');
  });

  it('does not compare timelines of different clusters', async () => {
    const server = new PostgresServer();
    expect(await choose({ a: 7, b: new Error('down') }, server)).toBe('a');
    const other = { cluster: 'other', number: 1 };
    expect(await choose({ a: new Error('down'), b: other }, server)).toBe('b');
  });
});
