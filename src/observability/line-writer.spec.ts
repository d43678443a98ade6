import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LineWriter } from './line-writer.js';

function writer() {
  const written: string[] = [];
  let resume: (() => void) | undefined;
  let stopped = false;
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      if (stopped) resume = done;
      else done();
    },
  });
  return {
    written,
    sut: new LineWriter(stream),
    stopReading: () => (stopped = true),
    readAgain: () => {
      stopped = false;
      resume?.();
    },
  };
}

describe('Lines', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

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

  it('beyond 4 MiB that nobody reads are dropped, and counted when they are read again', async () => {
    const { written, sut, stopReading, readAgain } = writer();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const line = 'x'.repeat(2 ** 20);
    stopReading();
    for (let count = 0; count < 10; count += 1) {
      sut.write(line);
      await turn();
    }
    expect(warn).not.toHaveBeenCalled();

    readAgain();
    await turn();
    sut.write('next');
    await turn();
    const kept = written.join('').length;
    expect(kept).toBeGreaterThan(4 * line.length);
    expect(kept).toBeLessThan(6 * line.length);
    const dropped = 10 - Math.floor(kept / line.length);
    expect(warn.mock.calls).toEqual([
      [`Dropped ${dropped} lines of the log: their reader is too slow.`],
    ]);
    expect(written.at(-1)).toBe('next\n');
  });
});
