import type { Writable } from 'node:stream';
import { Logger } from '@nestjs/common';

/** Most characters that wait for a reader. More lines are dropped, so that a stopped reader cannot fill the memory. */
const MAX_WAITING = 4 * 2 ** 20;

/**
 * Buffers lines and writes those of one event-loop turn at once, because the cost of a write hardly depends on its length.
 * Flushes the buffer when the process exits, also after an uncaught exception.
 */
export class LineWriter {
  private readonly logger = new Logger(LineWriter.name);
  private waiting = '';
  private dropped = 0;

  constructor(private readonly stream: Writable) {
    process.once('exit', () => {
      this.flush();
    });
  }

  write(line: string): void {
    if (this.waiting.length + this.stream.writableLength > MAX_WAITING) {
      this.dropped += 1;
      return;
    }
    if (this.waiting === '') {
      setImmediate(() => {
        this.flush();
      });
    }
    this.waiting += `${line}\n`;
    if (this.dropped > 0) this.reportDropped();
  }

  flush(): void {
    const lines = this.waiting;
    this.waiting = '';
    if (lines !== '') this.stream.write(lines);
  }

  private reportDropped(): void {
    const count = this.dropped;
    this.dropped = 0;
    this.logger.warn(`Dropped ${count} lines of the log: their reader is too slow.`);
  }
}
