import { describe, expect, it } from '@jest/globals';
import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { DomainError } from '../errors/domain-error.js';
import {
  isConnectionLost,
  type PostgresErrorClass,
  translate,
  classify,
} from './postgres-errors.js';

const withCode = (code: string): Error => Object.assign(new Error('from the driver'), { code });
const failed = (error: Error): Error => new QueryFailedError('SELECT 1', [], error);

/** SQLSTATE or code of the operating system, what it means, and whether the connection is lost by it. */
const TABLE: [code: string, verdict: PostgresErrorClass, lost: boolean][] = [
  ['40001', 'again', false], // serialization_failure
  ['40P01', 'again', false], // deadlock_detected
  ['55P03', 'unavailable', false], // lock_not_available
  ['57014', 'unavailable', false], // query_canceled
  ['3D000', 'unavailable', true], // invalid_catalog_name
  ['25006', 'unavailable', true], // read_only_sql_transaction
  ['25P03', 'unavailable', true], // idle_in_transaction_session_timeout
  ['25P04', 'unavailable', true], // transaction_timeout
  ['08006', 'unavailable', true], // connection_failure
  ['53300', 'unavailable', true], // too_many_connections
  ['57P01', 'unavailable', true], // admin_shutdown
  ['57P03', 'unavailable', true], // cannot_connect_now
  ['ECONNREFUSED', 'unavailable', true],
  ['ECONNRESET', 'unavailable', true],
  ['ENOTFOUND', 'unavailable', true],
  ['EAI_AGAIN', 'unavailable', true],
  ['EPIPE', 'unavailable', true],
  ['22P02', 'bad_input', false], // invalid_text_representation
  ['22021', 'bad_input', false], // character_not_in_repertoire
  ['23505', 'bug', false], // unique_violation
  ['25P02', 'bug', false], // in_failed_sql_transaction
  ['42501', 'bug', false], // insufficient_privilege
  ['42601', 'bug', false], // syntax_error
  ['ERR_INVALID_ARG_TYPE', 'bug', false],
];

describe('An error with the code', () => {
  it.each(TABLE)('%s means %s, bare or in the error of a query', (code, verdict) => {
    expect(classify(withCode(code))).toBe(verdict);
    expect(classify(failed(withCode(code)))).toBe(verdict);
  });

  it.each(TABLE)('%s (%s) loses the connection: %s', (code, _, lost) => {
    expect(isConnectionLost(withCode(code))).toBe(lost);
    expect(isConnectionLost(failed(withCode(code)))).toBe(lost);
  });
});

describe('An error without a code', () => {
  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
    'Cannot use a pool after calling end on the pool',
    new QueryRunnerAlreadyReleasedError().message,
  ])('of the driver means an outage: %s', (message) => {
    expect(classify(new Error(message))).toBe('unavailable');
    expect(isConnectionLost(new Error(message))).toBe(true);
  });

  it.each([
    new TypeError('x is not a function'),
    new Error('a new id was taken'),
    'text',
    undefined,
    null,
  ])('of ours is a bug (%#)', (error) => {
    expect(classify(error)).toBe('bug');
    expect(isConnectionLost(error)).toBe(false);
    expect(translate(error)).toBe(error);
  });

  it('in the error of a query means that the connection is gone', () => {
    expect(classify(failed(new Error('anything')))).toBe('unavailable');
  });
});

describe('What is answered', () => {
  it.each([
    ['40001', 'database.unavailable'],
    ['57P01', 'database.unavailable'],
    ['ECONNREFUSED', 'database.unavailable'],
    ['22P02', 'request.invalid'],
  ])('for %s is %s, and nothing that the driver said', (code, answer) => {
    const cause = withCode(code);
    const translated = translate(cause);

    expect(translated).toBeInstanceOf(DomainError);
    expect(translated).toMatchObject({ code: answer, extras: { cause } });
    expect(translated).not.toMatchObject({ detail: expect.stringContaining('driver') });
  });

  it('with a time to come back for an outage only', () => {
    expect(translate(withCode('57P01'))).toMatchObject({ extras: { retryAfter: 1 } });
    expect(translate(withCode('22P02'))).not.toMatchObject({ extras: { retryAfter: 1 } });
  });

  it('for a refusal of ours is that refusal', () => {
    const refusal = new DomainError('task.finished', 'The task has ended.');

    expect(translate(refusal)).toBe(refusal);
  });
});
