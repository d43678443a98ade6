import { describe, expect, it } from '@jest/globals';
import { jsonLine, textLine } from './log-lines.js';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZ2VudCJ9.c2lnbmF0dXJl-_';
const FORMATS = { json: jsonLine, text: textLine };

function json(members: Record<string, unknown>): string {
  return `${JSON.stringify({ level: 'warn', timestamp: 0, pid: 1, ...members })}\n`;
}

describe('A line of text', () => {
  it('has the time, the level, the context, the message and the trace id', () => {
    const line = json({ message: 'Waiting', context: 'Database', trace_id: 'trace' });
    expect(textLine(line)).toBe('00:00:00.000 WARN  [Database] Waiting trace_id=trace');
  });

  it('shows the members of a message by name', () => {
    const message = { method: 'GET', status: 200, trace_id: 'trace' };
    expect(textLine(json({ message, context: 'Request', trace_id: 'trace' }))).toBe(
      '00:00:00.000 WARN  [Request] method=GET status=200 trace_id=trace',
    );
  });

  it('indents a stack and every further line, so that no value forges an entry', () => {
    const line = json({
      message: 'first\n00:00:00.000 LOG   [Auth] forged',
      stack: 'Error\n  at x',
    });
    expect(textLine(line).split('\n').slice(1)).toEqual([
      '    00:00:00.000 LOG   [Auth] forged',
      '    Error',
      '      at x',
    ]);
  });
});

describe.each(Object.entries(FORMATS))('A line as %s', (_name, format) => {
  it('contains no token', () => {
    const line = format(json({ message: { error: `Bearer ${TOKEN}.` }, stack: `at ${TOKEN}` }));
    expect(line).toContain('Bearer [token]');
    expect(line).not.toContain('eyJ');
  });

  it.each(['\u2028', '\u0085', '\u001b', '\u202e'])('escapes the character %j', (character) => {
    expect(format(json({ message: `a${character}b` }))).toMatch(/a\\u[0-9a-f]{4}b/);
  });
});
