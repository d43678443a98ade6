import { describe, expect, it } from '@jest/globals';
import { FormatError } from './encoding.js';
import { cosignatureVerifier, parseVerifierKey } from './note.js';
import { parsePolicy } from './policy.js';
import { newSigner } from './testing/sealed-log.js';

const logKey = newSigner().vkey;
const witnesses = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name) => {
  const { vkey } = newSigner(`${name.toLowerCase()}.example.org`);
  return { name, verifier: cosignatureVerifier(parseVerifierKey(vkey)) };
});
const lines = witnesses.map(({ name, verifier }) => `witness ${name} ${verifier.vkey}`);
const key = (name: string): string =>
  lines.find((line) => line.includes(` ${name} `))?.split(' ')[2] ?? '';

/** The example of C2SP tlog-policy. */
const EXAMPLE = `# comment
log ${logKey} https://mesh.example.com/audit/log

${lines.join('\n')}
group X-witnesses 2 X1 X2 X3
group\tY-witnesses  any Y1 Y2 Y3
  group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

describe('A policy', () => {
  it('needs the witnesses of its quorum', () => {
    const policy = parsePolicy(EXAMPLE);
    const isMet = (...names: string[]): boolean =>
      policy.isMet(
        witnesses.filter(({ name }) => names.includes(name)).map(({ verifier }) => verifier),
      );

    expect(policy.logs.map(({ vkey }) => vkey)).toEqual([logKey]);
    expect(policy.witnesses).toHaveLength(6);
    expect(isMet('X1', 'X3', 'Y2')).toBe(true);
    expect([isMet(), isMet('X1', 'Y1'), isMet('X1', 'X2'), isMet('Y1', 'Y2', 'Y3')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('may need no witness, or one', () => {
    expect(parsePolicy('quorum none\n').isMet([])).toBe(true);
    const one = parsePolicy(`witness X1 ${key('X1')}\nquorum X1\n`);
    expect(one.isMet([])).toBe(false);
  });

  it.each([
    ['no quorum', EXAMPLE.replace('quorum X-and-Y', '')],
    ['two quorums', `${EXAMPLE}quorum none\n`],
    ['an unknown quorum', 'quorum X'],
    ['another keyword', 'logs x\nquorum none'],
    ['a log twice', `log ${logKey}\nlog ${logKey}\nquorum none`],
    ['a witness key as a log', `log ${key('X1')}\nquorum none`],
    ['a log key as a witness', `witness X ${logKey}\nquorum none`],
    ['a witness key twice', `witness A ${key('X1')}\nwitness B ${key('X1')}\nquorum none`],
    ['a name twice', `witness A ${key('X1')}\nwitness A ${key('X2')}\nquorum none`],
    ['the name none', `witness none ${key('X1')}\nquorum none`],
    ['a group without members', 'group G any\nquorum none'],
    ['a group of unknown names', 'group G any X\nquorum none'],
    ['a group of itself', 'group G any G\nquorum none'],
    ['a member twice', `witness A ${key('X1')}\ngroup G any A A\nquorum none`],
    ['a member of two groups', `witness A ${key('X1')}\ngroup G any A\ngroup H any A\nquorum none`],
    ['a threshold of 0', `witness A ${key('X1')}\ngroup G 0 A\nquorum none`],
    ['a threshold that is too high', `witness A ${key('X1')}\ngroup G 2 A\nquorum none`],
    ['a control character', 'quorum none\r\n'],
    ['more words than a log line has', `log ${logKey} url more\nquorum none`],
  ])('with %s is refused', (_, text) => {
    expect(() => parsePolicy(text)).toThrow(FormatError);
  });
});
