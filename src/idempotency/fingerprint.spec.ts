import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidInputError } from '../errors/domain-error.js';
import { fingerprint } from './fingerprint.js';
import { patient } from '../../test/support/patience.js';

describe('fingerprint', () => {
  it.each([
    ['the order of keys', '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'],
    ['white space', '{"a":[1,2]}', ' {\n\t"a" : [ 1 , 2 ] }\r\n'],
    ['a fraction of zero', '{"a":1}', '{"a":1.0}'],
    ['an exponent', '{"a":100}', '{"a":1e2}'],
    ['the sign of zero', '{"a":0}', '{"a":-0}'],
    ['the way a character is escaped', '{"a":"€/"}', String.raw`{"a":"\u20ac\/"}`],
    ['a key given twice, when the last one wins', '{"a":2}', '{"a":1,"a":2}'],
  ])('does not depend on %s', (_, one, other) => {
    expect(ofJson(one)).toEqual(ofJson(other));
  });

  it.each([
    ['the order of a list', '[1,2]', '[2,1]'],
    ['a number and its text', '{"a":1}', '{"a":"1"}'],
    ['null and a missing member', '{"a":null}', '{}'],
    ['a list and an object', '[]', '{}'],
    ['false and null', 'false', 'null'],
    ['upper and lower case', '{"a":"x"}', '{"a":"X"}'],
    ['composed and decomposed letters', String.raw`"\u00e9"`, String.raw`"e\u0301"`],
    ['a member called __proto__ and none', '{"__proto__":1}', '{}'],
    ['a member called toJSON and none', '{"toJSON":1}', '{}'],
    ['neighbouring doubles', '9007199254740991', '9007199254740992'],
  ])('keeps apart %s', (_, one, other) => {
    expect(ofJson(one)).not.toEqual(ofJson(other));
  });

  it('keeps body and query apart', () => {
    expect(fingerprint({ a: '1' }, {})).not.toEqual(fingerprint({}, { a: '1' }));
  });

  it('takes the query without a prototype that Node makes', () => {
    const query: unknown = Object.assign(Object.create(null), { b: '2', a: '1' });
    expect(fingerprint({}, query)).toEqual(fingerprint({}, { a: '1', b: '2' }));
  });

  it('takes an absent body for null and not for an empty object', () => {
    expect(fingerprint(undefined, {})).toEqual(fingerprint(null, {}));
    expect(fingerprint(undefined, {})).not.toEqual(fingerprint({}, {}));
  });

  it('is the SHA-256 of the canonical text', () => {
    expect(ofJson('{"b":1,"a":2}')).toEqual(sha256('{"body":{"a":2,"b":1},"query":null}'));
  });

  it('writes literals, numbers and strings as the example of RFC 8785 section 3.2.2', () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    const canonical =
      '{"literals":[null,true,false],' +
      '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`;
    expect(ofJson(input)).toEqual(sha256(`{"body":${canonical},"query":null}`));
  });

  it('orders keys as the example of RFC 8785 section 3.2.3', () => {
    const input = String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`;
    const canonical =
      String.raw`{"\r":"Carriage Return","1":"One",` +
      '"\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",' +
      '"\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}';
    expect(ofJson(input)).toEqual(sha256(`{"body":${canonical},"query":null}`));
  });

  // https://www.rfc-editor.org/rfc/rfc8785#appendix-B
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s as %s', (bits, text) => {
    const body = Buffer.from(bits, 'hex').readDoubleBE();
    expect(fingerprint(body, null)).toEqual(sha256(`{"body":${text},"query":null}`));
  });

  it.each([
    ['a high surrogate alone', String.raw`{"a":"\ud800"}`],
    ['a low surrogate alone', String.raw`{"a":"\udc00x"}`],
    ['a lone surrogate in a key', String.raw`{"\ud83d":1}`],
    ['a number beyond a double', '{"a":1e400}'],
  ])('refuses %s, which has no canonical form', (_, json) => {
    expect(() => ofJson(json)).toThrow(InvalidInputError);
  });

  it('takes a body as deep as is let in, and never overflows on a deeper one', () => {
    expect(ofJson('['.repeat(32) + ']'.repeat(32))).toHaveLength(32);
    expect(() => ofJson('['.repeat(100_000) + ']'.repeat(100_000))).toThrow(InvalidInputError);
  });

  it('takes a body of a mebibyte in well under a second', () => {
    const body = Object.fromEntries(
      Array.from({ length: 60_000 }, (_, index) => [`key-${index}`, index]),
    );
    const started = performance.now();
    fingerprint(body, {});
    expect(performance.now() - started).toBeLessThan(patient(1000));
  });

  it('does not change when any JSON is written and read again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(ofJson(JSON.stringify(body, null, 2))).toEqual(fingerprint(body, null));
      }),
    );
  });
});

function ofJson(json: string): Buffer {
  return fingerprint(JSON.parse(json), null);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
