import { describe, expect, it } from '@jest/globals';
import { isHost } from './host.js';

describe('A host', () => {
  it.each([
    'mesh',
    'mesh.example.com',
    'mesh.example.com:8088',
    'mesh:',
    'my_db',
    '127.0.0.1:80',
    '[::1]',
    '[2001:db8::1]:443',
    'xn--bcher-kva.example',
    'a%20b',
    '',
  ])('is %j', (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each([
    'a"b',
    'a" , error="x',
    'a\\b',
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'user@mesh',
    'http://mesh',
    '<script>',
    'a:b',
    'a:1:2',
    'a:65536',
    '::1',
    '[::1',
    '[nonsense]',
    '[::1]x',
    'a%2',
    'a\u00e4',
    'a\tb',
    '{a}',
    '`a`',
    'a|b',
    'a^b',
  ])('is not %j', (host) => {
    expect(isHost(host)).toBe(false);
  });
});
