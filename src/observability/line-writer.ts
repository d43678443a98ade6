/**
 * Buffers lines and writes those of one event-loop turn at once, because the cost of a write hardly depends on its length.
 * Flushes the buffer when the process exits.
 */
export class LineWriter {
  private waiting = '';

  /** @param stream returns the stream; called for each write */
  constructor(private readonly stream: () => NodeJS.WritableStream) {
    process.once('exit', () => {
      this.flush();
    });
  }

  write(line: string): void {
    if (this.waiting === '') {
      setImmediate(() => {
        this.flush();
      });
    }
    this.waiting += `${line}\n`;
  }

  private flush(): void {
    const lines = this.waiting;
    this.waiting = '';
    if (lines !== '') this.stream().write(lines);
  }
}
