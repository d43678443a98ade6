import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { removePgVariables } from './pg-variables.js';

const DRIVER = createRequire(import.meta.url).resolve('pg/lib/connection-parameters.js');

/** The variables that the driver names in its source, and those that it forms from the names of its options. */
function variablesOfDriver(): string[] {
  const source = readFileSync(DRIVER, 'utf8');
  const named = source.match(/\bPG[A-Z]+(_[A-Z]+)*\b/g) ?? [];
  const formed = [...source.matchAll(/val\('(\w+)', config\)/g)];
  return [...named, ...formed.map(([, name = '']) => `PG${name.toUpperCase()}`)];
}

describe('removePgVariables', () => {
  it('removes each variable of PostgreSQL clients, and no other', () => {
    const others = { PATH: '/bin', PORT: '1', PG: 'x', pghost: 'x', MY_PGHOST: 'x' };
    const variables = { ...others, PGPASSFILE: '/x', PGHOST: 'elsewhere', PGSERVICE: 'other' };
    expect(removePgVariables(variables)).toEqual(['PGHOST', 'PGPASSFILE', 'PGSERVICE']);
    expect(variables).toEqual(others);
  });

  it('removes each variable that the driver reads', () => {
    const names = variablesOfDriver();
    expect(names).toEqual(expect.arrayContaining(['PGHOST', 'PGOPTIONS', 'PGSSLMODE']));
    const variables = Object.fromEntries(names.map((name) => [name, 'x']));
    removePgVariables(variables);
    expect(variables).toEqual({});
  });
});
