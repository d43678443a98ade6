import { styleText } from 'node:util';

/** Where the demo prints: a stream of the process, or a test that listens. */
export interface Output {
  write(text: string): unknown;
  /** Only a terminal has it. */
  hasColors?(): boolean;
}

/** Prints the story, in colours on a terminal that wants them. */
export class Narrator {
  private readonly colours: boolean;
  private steps = 0;

  constructor(private readonly output: Output) {
    this.colours = output.hasColors?.() ?? false;
  }

  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  /** One step: who does what, the request with its status, and what the answer tells. */
  step(title: string, request: string, status: number, told: readonly string[]): void {
    this.steps += 1;
    this.line();
    this.line(`${String(this.steps).padStart(2)}. ${this.paint('bold', title)}`);
    this.line(`    ${this.paint('cyan', request)} -> ${this.paint('green', String(status))}`);
    for (const line of told) this.line(`    ${line}`);
  }

  private paint(style: 'bold' | 'cyan' | 'green', text: string): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }
}
