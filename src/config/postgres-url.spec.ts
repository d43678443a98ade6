import { describe, expect, it } from '@jest/globals';
import { parsePostgresUrl, PostgresUrlError } from './postgres-url.js';

const host = (name: string, port = 5432) => ({ host: name, port });

describe('parsePostgresUrl', () => {
  it.each([
    ['postgres://u:p@db.internal:6432/mesh', [host('db.internal', 6432)]],
    ['postgresql://u:p@my_db/mesh', [host('my_db')]],
    ['postgres://u:p@[::1]:5433/mesh', [host('::1', 5433)]],
    ['postgres://u:p@[fe80::1%25eth0]/mesh', [host('fe80::1%eth0')]],
    ['postgres://u:p@a:1,b:2,c/mesh', [host('a', 1), host('b', 2), host('c')]],
    ['postgres://u:p@%2Fvar%2Frun%2Fpostgresql/mesh', [host('/var/run/postgresql')]],
    [
      'postgres://u:p@/mesh?host=/var/run/postgresql&port=5433',
      [host('/var/run/postgresql', 5433)],
    ],
    ['postgres:///mesh?host=a,b&port=1,2', [host('a', 1), host('b', 2)]],
    ['postgres://u@/mesh', [host('localhost')]],
  ])('hosts of %s', (url, hosts) => {
    expect(parsePostgresUrl(url)).toMatchObject({ hosts, database: 'mesh' });
  });

  it.each([
    ['p%40ss%2Fw%3A%25rd', 'p@ss/w:%rd'],
    ['100%', '100%'],
    ['a%zz', 'a%zz'],
    ['a:b', 'a:b'],
    ['a@b', 'a@b'],
    ['%F0%9F%98%80', '\u{1f600}'],
  ])('password %s', (text, password) => {
    expect(parsePostgresUrl(`postgres://u:${text}@h/d`)).toMatchObject({ user: 'u', password });
  });

  it('parameters of libpq', () => {
    const parameters =
      'application_name=mesh%20one&options=-c%20geqo%3Doff&connect_timeout=3&target_session_attrs=read-write&keepalives=1&channel_binding=require&sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem&sslpassword=s';
    expect(parsePostgresUrl(`postgres://u@h/d?${parameters}`)).toEqual({
      hosts: [host('h')],
      user: 'u',
      database: 'd',
      applicationName: 'mesh one',
      options: '-c geqo=off',
      connectTimeoutMs: 3000,
      targetSession: 'read-write',
      usesChannelBinding: true,
      tls: {
        isVerified: true,
        isHostChecked: true,
        isDirect: false,
        rootCertFile: '/ca.pem',
        certFile: '/c.pem',
        keyFile: '/k.pem',
        passphrase: 's',
      },
    });
  });

  it.each([
    ['', undefined],
    ['sslmode=disable', false],
    ['ssl=false', false],
    ['ssl=true', [true, true]],
    ['sslmode=require', [true, true]],
    ['sslmode=verify-ca', [true, true]],
    ['sslmode=no-verify', [false, true]],
    ['sslmode=require&uselibpqcompat=true', [false, false]],
    ['sslmode=require&uselibpqcompat=true&sslrootcert=/ca.pem', [true, false]],
    ['sslmode=verify-ca&uselibpqcompat=true&sslrootcert=/ca.pem', [true, false]],
    ['sslmode=verify-full&sslrootcert=system', [true, true]],
    ['host=/var/run/postgresql&sslmode=verify-full', false],
  ])('TLS of ?%s', (query, expected) => {
    const { tls } = parsePostgresUrl(`postgres://h/d?${query}`);
    expect(tls ? [tls.isVerified, tls.isHostChecked] : tls).toEqual(expected);
  });

  it.each([
    ['mysql://h/d', 'must be a URL such as'],
    ['h/d', 'must be a URL such as'],
    ['postgres://u:sec/ret@h/d', 'has a host that is no name'],
    ['postgres://u:sec?ret@h/d', 'has a query parameter that the controller does not'],
    ['postgres://u:sec#ret@h/d', 'must be a URL such as'],
    ['postgres://u:%ff@h/d', 'has percent-encoding in its password that is not UTF-8'],
    ['postgres://h:0/d', 'has a port that is not 1 to 65535'],
    ['postgres://h:99999/d', 'has a port that is not 1 to 65535'],
    ['postgres://h/d?sslmod=secret', 'has a query parameter that the controller does not support'],
    ['postgres://h/d?sslcrl=/secret', 'must not have the query parameter sslcrl'],
    ['postgres://h/d?sslmode=secret', 'has a sslmode that is none of disable, allow'],
    [
      'postgres://h/d?connect_timeout=secret',
      'has a connect_timeout that is not a number of seconds',
    ],
    [
      'postgres://h/d?target_session_attrs=standby',
      'must not have a target_session_attrs other than',
    ],
    ['postgres://h/d?uselibpqcompat=true&sslmode=verify-ca', 'must have sslrootcert'],
    ['postgres://h/d?sslcert=/secret', 'must have sslcert and sslkey together'],
    ['postgres://h/d?sslkey=/secret', 'must have sslcert and sslkey together'],
  ])('refuses %s without repeating it', (url, problem) => {
    const parse = (): unknown => parsePostgresUrl(url);
    expect(parse).toThrow(PostgresUrlError);
    expect(parse).toThrow(problem);
    expect(parse).not.toThrow(/sec\b|secret/);
  });

  it.each(['any', 'read-only', 'standby', 'prefer-standby'])('a replica: %s', (value) => {
    expect(
      parsePostgresUrl(`postgres://h/d?target_session_attrs=${value}`, 'standby').targetSession,
    ).toBe(value);
  });

  it.each(['primary', 'read-write', 'secret'])('refuses %s for a replica', (value) => {
    const url = `postgres://h/d?target_session_attrs=${value}`;
    expect(() => parsePostgresUrl(url, 'standby')).toThrow(
      'must not have a target_session_attrs other than any, read-only, standby and prefer-standby',
    );
  });
});
