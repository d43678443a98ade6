import { isRecord } from '../auth/is-record.js';
import { DemoError } from './demo-error.js';

/** What the controller answered. Reading a member that is not there ends the demo. */
export class Answer {
  /** @param request what was asked, for the line that says what its answer lacks */
  constructor(
    readonly request: string,
    private readonly json: unknown,
  ) {}

  text(name: string): string {
    const value = this.textIfAny(name);
    if (value === undefined) throw this.lacks(name);
    return value;
  }

  list(name: string): Answer[] {
    const value = this.member(name);
    if (!Array.isArray(value)) throw this.lacks(name);
    return value.map((item: unknown) => new Answer(this.request, item));
  }

  /** A text that may be missing. */
  textIfAny(name: string): string | undefined {
    const value = this.member(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** What is inside of a member. */
  within(name: string): Answer {
    return new Answer(this.request, this.member(name));
  }

  /** A member as JSON writes it. */
  jsonOf(name: string): string {
    return JSON.stringify(this.member(name) ?? null);
  }

  private member(name: string): unknown {
    return isRecord(this.json) ? this.json[name] : undefined;
  }

  private lacks(name: string): DemoError {
    return new DemoError(`${this.request} answered without "${name}".`);
  }
}
