import { isRecord } from '../common/is-record.js';
import { DemoError } from './demo-error.js';

/** Reads the JSON of a response. */
export class Answer {
  /** @param request method and path, for error messages */
  constructor(
    readonly request: string,
    private readonly json: unknown,
  ) {}

  /** @throws DemoError if the member is missing or not a string */
  text(name: string): string {
    const value = this.textIfAny(name);
    if (value === undefined) throw this.lacks(name);
    return value;
  }

  /** @throws DemoError if the member is missing or not an array */
  list(name: string): Answer[] {
    const value = this.member(name);
    if (!Array.isArray(value)) throw this.lacks(name);
    return value.map((item: unknown) => new Answer(this.request, item));
  }

  /** Returns a string member; undefined if it is missing. */
  textIfAny(name: string): string | undefined {
    const value = this.member(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** Returns a member as an object to read from. */
  within(name: string): Answer {
    return new Answer(this.request, this.member(name));
  }

  /** Returns a member as JSON text. */
  jsonOf(name: string): string {
    return JSON.stringify(this.member(name) ?? null);
  }

  private member(name: string): unknown {
    return isRecord(this.json) ? this.json[name] : undefined;
  }

  private lacks(name: string): DemoError {
    return new DemoError(`The response to ${this.request} has no "${name}".`);
  }
}
