import { describe, expect, it } from '@jest/globals';
import { parseRedisUrl } from './redis-url.js';

const NONE = { db: 0, isEncrypted: false, family: 0 };

describe('parseRedisUrl', () => {
  it.each<[string, object]>([
    ['redis://cache', { ...NONE, host: 'cache' }],
    ['redis://my_cache:6380/', { ...NONE, host: 'my_cache', port: 6380 }],
    ['rediss://10.0.0.1/15', { ...NONE, host: '10.0.0.1', db: 15, isEncrypted: true }],
    ['redis://[::1]:6379', { ...NONE, host: '::1', port: 6379 }],
    ['redis://:p%40ss%2F%25@h', { ...NONE, host: 'h', password: 'p@ss/%' }],
    [
      'redis://mesh:a%3Ab%2Cc@h/2',
      { ...NONE, host: 'h', username: 'mesh', password: 'a:b,c', db: 2 },
    ],
    ['redis://:a:b@h', { ...NONE, host: 'h', password: 'a:b' }],
    ['redis://:p@ss@h', { ...NONE, host: 'h', password: 'p@ss' }],
    ['redis://h?family=6', { ...NONE, host: 'h', family: 6 }],
    ['unix:///run/redis.sock', { ...NONE, path: '/run/redis.sock' }],
    [
      'unix://:p%40@/run/redis%20a.sock?db=3',
      { ...NONE, path: '/run/redis a.sock', password: 'p@', db: 3 },
    ],
  ])('reads %s', (text, address) => {
    expect(parseRedisUrl(text)).toEqual(address);
  });

  it.each([
    ['redis://', 'cannot be parsed'],
    ['redis:///0', 'cannot be parsed'],
    ['redis://host:port', 'cannot be parsed'],
    ['redis://host:99999', 'cannot be parsed'],
    ['redis://:pa/ss@host', 'cannot be parsed'],
    ['redis://:pa#ss@host', 'cannot be parsed'],
    ['redis://:pa?ss@host', 'cannot be parsed'],
    ['redis://:pa%ss@host', 'write it as %25'],
    ['redis://ho%20st', 'cannot be parsed'],
    ['redis://secret@host', 'a user name without a password'],
    ['redis://host/mesh', 'number of a database'],
    ['redis://host/1/2', 'number of a database'],
    ['redis://host/-1', 'number of a database'],
    ['redis://host?db=1', 'no parameter but family'],
    ['redis://host?family=5', 'no parameter but family'],
    ['redis://host?tls=secret', 'no parameter but family'],
    ['redis://host#secret', 'no parameter but family'],
    ['unix://run/redis.sock', 'must be like unix:///run'],
    ['unix:///run/redis.sock?db=a', 'must be like unix:///run'],
    ['unix://secret@/run/redis.sock', 'must be like unix:///run'],
  ])('refuses %s on one line, without a part of it', (text, message) => {
    const parse = () => parseRedisUrl(text);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/secret|\n/);
  });
});
