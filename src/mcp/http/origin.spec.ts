import { describe, expect, it } from '@jest/globals';
import { assertOrigin } from './origin.js';

const ALLOWED = ['https://console.example.com'];

describe('an origin', () => {
  it.each([
    undefined,
    'https://console.example.com',
    'http://localhost:5173',
    'http://127.0.0.1',
    'http://127.8.8.8:1',
    'http://[::1]:8088',
  ])('%s may call', (origin) => {
    expect(() => {
      assertOrigin(origin, ALLOWED);
    }).not.toThrow();
  });

  it.each([
    'https://evil.example.com',
    'https://console.example.com.evil.com',
    'http://console.example.com',
    'http://localhost.evil.com',
    'http://127.0.0.1.evil.com',
    'null',
    '',
    'file://',
  ])('%s may not', (origin) => {
    expect(() => {
      assertOrigin(origin, ALLOWED);
    }).toThrow('are not allowed');
  });
});
