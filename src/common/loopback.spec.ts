import { describe, expect, it } from '@jest/globals';
import { isLoopback } from './loopback.js';

describe('The loopback interface', () => {
  it.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])('is %s', (hostname) => {
    expect(isLoopback(hostname)).toBe(true);
  });

  it.each([
    '',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    '128.0.0.1',
    '0.0.0.0',
    '[::]',
    '::1',
    'localhost\n',
  ])('is not %j', (hostname) => {
    expect(isLoopback(hostname)).toBe(false);
  });
});
