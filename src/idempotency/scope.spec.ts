import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { advisoryLockId, type IdempotencyScope, idempotencyScope } from './scope.js';

const SCOPE: IdempotencyScope = {
  subject: 'https://issuer.example#agent-7',
  actingRole: 'finance',
  method: 'POST',
  path: '/tasks/route',
  key: 'abc',
};

describe('idempotencyScope', () => {
  it('is 32 bytes, the same for the same parts', () => {
    expect(idempotencyScope(SCOPE)).toHaveLength(32);
    expect(idempotencyScope({ ...SCOPE })).toEqual(idempotencyScope(SCOPE));
  });

  it('stays what it is, since records are stored under it', () => {
    expect(idempotencyScope(SCOPE).toString('hex')).toBe(
      '499f1c1cb2b1f4d880146acbe21ffc3ec803ca74eb6ffcc57dcc29591b751e95',
    );
  });

  it.each([
    ['subject', { subject: 'https://issuer.example#agent-8' }],
    ['acting role', { actingRole: 'legal' }],
    ['method', { method: 'PUT' }],
    ['path', { path: '/approvals' }],
    ['key', { key: 'ABC' }],
  ])('differs for another %s', (_, change) => {
    expect(idempotencyScope({ ...SCOPE, ...change })).not.toEqual(idempotencyScope(SCOPE));
  });

  it('cannot be met by moving characters from one part to the next', () => {
    const parts = fc.tuple(fc.string(), fc.string(), fc.string(), fc.string(), fc.string());
    fc.assert(
      fc.property(parts, fc.nat(4), ([subject, actingRole, method, path, key], cut) => {
        const one = { subject: subject + key.slice(0, cut), actingRole, method, path, key };
        const other = { subject, actingRole: key.slice(0, cut) + actingRole, method, path, key };
        fc.pre(key.slice(0, cut) !== '');
        expect(idempotencyScope(one)).not.toEqual(idempotencyScope(other));
      }),
    );
    expect(idempotencyScope({ ...SCOPE, subject: 'a","b', actingRole: 'c' })).not.toEqual(
      idempotencyScope({ ...SCOPE, subject: 'a', actingRole: 'b","c' }),
    );
  });
});

describe('advisoryLockId', () => {
  it.each([
    ['0000000000000000', '0'],
    ['0000000000000001', '1'],
    ['7fffffffffffffff', '9223372036854775807'],
    ['8000000000000000', '-9223372036854775808'],
    ['ffffffffffffffff', '-1'],
  ])('reads the first bytes %s as %s', (bytes, id) => {
    expect(advisoryLockId(Buffer.from(bytes + 'ab'.repeat(24), 'hex'))).toBe(id);
  });
});
