/**
 * Writes lines: those of one turn of the event loop together, since a write costs more than what it writes. What has
 * not been written yet when the process exits is written then.
 */
export class LineWriter {
  private waiting = '';

  /** @param stream gives where to write to, each time */
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
