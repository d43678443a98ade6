import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { LineWriter } from './line-writer.js';

function writer() {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  return { written, sut: new LineWriter(() => stream) };
}

describe('Lines', () => {
  it('of one turn are one write, in their order', async () => {
    const { written, sut } = writer();
    for (const line of ['a', 'b']) sut.write(line);
    await turn();
    sut.write('c');
    await turn();
    expect(written).toEqual(['a\nb\n', 'c\n']);
  });

  it('that are still to be written are written when the process exits', () => {
    const { written, sut } = writer();
    sut.write('last');
    process.listeners('exit').at(-1)?.(0);
    expect(written).toEqual(['last\n']);
  });
});
