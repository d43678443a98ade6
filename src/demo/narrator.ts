import { styleText } from 'node:util';

/** Output of the demo: a stream of the process, or a buffer of a test. */
export interface Output {
  write(text: string): unknown;
  /** Whether the output supports colours. Only terminals have this method. */
  hasColors?(): boolean;
}

/** Prints the steps of the demo, in colours if the terminal supports them. */
export class Narrator {
  private readonly colours: boolean;
  private steps = 0;

  constructor(private readonly output: Output) {
    this.colours = output.hasColors?.() ?? false;
  }

  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  /** Prints one step: its title, the request with the status of the response, and details of the response. */
  step(title: string, request: string, status: number, details: readonly string[]): void {
    this.steps += 1;
    this.line();
    this.line(`${String(this.steps).padStart(2)}. ${this.paint('bold', title)}`);
    this.line(`    ${this.paint('cyan', request)} -> ${this.paint('green', String(status))}`);
    for (const line of details) this.line(`    ${line}`);
  }

  private paint(style: 'bold' | 'cyan' | 'green', text: string): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }
}
