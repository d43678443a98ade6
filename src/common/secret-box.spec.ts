import { describe, expect, it } from '@jest/globals';
import { openSecret, sealSecret } from './secret-box.js';

const KEY = Buffer.alloc(32, 1);
const TEXT = 'whsec_0123456789 äöü';

describe('a sealed secret', () => {
  it('opens with its key and context', () => {
    expect(openSecret(KEY, sealSecret(KEY, TEXT, 'a'), 'a')).toBe(TEXT);
    expect(openSecret(KEY, sealSecret(KEY, '', 'a'), 'a')).toBe('');
  });

  it('does not contain the text, and differs each time', () => {
    const sealed = sealSecret(KEY, TEXT, 'a');
    expect(sealed.includes(Buffer.from(TEXT))).toBe(false);
    expect(sealSecret(KEY, TEXT, 'a').equals(sealed)).toBe(false);
  });

  it('does not open with another key or another context', () => {
    const sealed = sealSecret(KEY, TEXT, 'a');
    expect(openSecret(Buffer.alloc(32, 2), sealed, 'a')).toBeUndefined();
    expect(openSecret(KEY, sealed, 'b')).toBeUndefined();
  });

  it('does not open if any byte has changed', () => {
    const sealed = sealSecret(KEY, TEXT, 'a');
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(openSecret(KEY, changed, 'a')).toBeUndefined();
    }
  });

  it('does not open if it is cut or extended', () => {
    const sealed = sealSecret(KEY, TEXT, 'a');
    for (let length = 0; length < sealed.length; length += 1) {
      expect(openSecret(KEY, sealed.subarray(0, length), 'a')).toBeUndefined();
    }
    expect(openSecret(KEY, Buffer.concat([sealed, Buffer.alloc(1)]), 'a')).toBeUndefined();
  });
});
