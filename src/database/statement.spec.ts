import { describe, expect, it } from '@jest/globals';
import { assignments, insertInto, insertSelect, statement } from './statement.js';

interface Agent {
  id: string;
  name: string;
  seen_at: Date | null;
}

interface NewAgent {
  name: string;
  id: string;
  seconds?: number;
}

describe('A statement with named parameters', () => {
  it('numbers its placeholders in the order of their first use', () => {
    const find = statement<NewAgent>(
      ({ id, name }) => `SELECT 1 FROM agents WHERE id = ${id} OR name = ${name} OR name = ${id}`,
    );

    expect(find({ name: 'Ada', id: '7' })).toEqual([
      'SELECT 1 FROM agents WHERE id = $1 OR name = $2 OR name = $1',
      ['7', 'Ada'],
    ]);
  });

  it('binds the values by their names, in whatever order an object has them', () => {
    const insert = statement<NewAgent>((value) =>
      insertInto<Agent>('agents', {
        id: value.id,
        name: value.name,
        seen_at: `now() + make_interval(secs => ${value.seconds})`,
      }),
    );

    expect(insert({ seconds: 5, name: 'Ada', id: '7' })).toEqual([
      'INSERT INTO agents (id, name, seen_at) VALUES ($1, $2, now() + make_interval(secs => $3))',
      ['7', 'Ada', 5],
    ]);
  });

  it('binds an absent value as undefined, which is NULL', () => {
    const [, parameters] = statement<NewAgent>(({ id, seconds }) => `${id}, ${seconds}`)({
      id: '7',
      name: 'Ada',
    });

    expect(parameters).toEqual(['7', undefined]);
  });

  it('has one text for all values, so that it is prepared once', () => {
    const find = statement<{ id: string }>(({ id }) => `SELECT ${id}`);

    expect(find({ id: '1' })[0]).toBe(find({ id: '2' })[0]);
  });
});

describe('SQL from the names of columns', () => {
  it('is an INSERT that a FROM clause can follow', () => {
    expect(insertSelect<Partial<Agent>>('agents AS a', { id: '$1', seen_at: 't.now' })).toBe(
      'INSERT INTO agents AS a (id, seen_at) SELECT $1, t.now',
    );
  });

  it('is a SET clause', () => {
    expect(assignments<Agent>({ name: '$2', seen_at: 'now()' })).toBe('name = $2, seen_at = now()');
  });

  it('does not compile if a column is missing or misspelled', () => {
    // @ts-expect-error a column is missing
    insertInto<Agent>('agents', { id: '$1', name: '$2' });
    // @ts-expect-error no such column
    expect(assignments<Agent>({ nam: '$2' })).toBe('nam = $2');
    // @ts-expect-error no such value
    statement<NewAgent>(({ nickname }) => `SELECT ${String(nickname)}`);
  });
});
