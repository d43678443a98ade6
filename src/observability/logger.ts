import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { oneLine } from '../common/one-line.js';
import type { Environment } from '../config/environment.js';
import { LineWriter } from './line-writer.js';
import { requestContext } from './request-context.js';

/** One for the process, whatever it starts. */
const LINES = new LineWriter(() => process.stdout);

const LEVELS: LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug'];

const NOISE = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/** Logs one JSON object a line, with the trace of the request it belongs to. */
export class JsonLogger extends ConsoleLogger {
  constructor({ LOG_LEVEL }: Environment) {
    super({ json: true, logLevels: LEVELS.slice(0, LEVELS.indexOf(LOG_LEVEL) + 1) });
  }

  /** Nest tells every module and route at start; the API document tells them better. */
  override log(message: unknown, ...rest: unknown[]): void {
    if (!NOISE.has(rest.at(-1))) super.log(message, ...rest);
  }

  /** Why the application cannot listen is told by the line that the process ends with. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) !== 'NestApplication') super.error(message, ...rest);
  }

  /** Errors are written at once, for the process may be about to end. */
  protected override printAsJson(...parameters: Parameters<ConsoleLogger['printAsJson']>): void {
    const [, { writeStreamType }] = parameters;
    if (writeStreamType === 'stderr') super.printAsJson(...parameters);
    else LINES.write(this.stringifyJsonLogObject(this.getJsonLogObject(...parameters)));
  }

  /** Nest guards against what cannot be written or has no end: only others may log that. */
  protected override stringifyJsonLogObject(line: Record<string, unknown>): string {
    const json = isPlain(line.message) ? JSON.stringify(line) : super.stringifyJsonLogObject(line);
    // Readers of logs end a line at more characters than JSON escapes.
    return oneLine(json);
  }

  protected override getJsonLogObject(
    ...parameters: Parameters<ConsoleLogger['getJsonLogObject']>
  ): ReturnType<ConsoleLogger['getJsonLogObject']> {
    const trace_id = requestContext()?.traceId;
    return { ...super.getJsonLogObject(...parameters), ...(trace_id && { trace_id }) };
  }
}

/** Whether a message is a text, or has nothing but texts and numbers for members, as the line of a request has. */
function isPlain(message: unknown): boolean {
  if (typeof message === 'string') return true;
  return (
    typeof message === 'object' &&
    message !== null &&
    Object.values(message).every((value) => value === undefined || PLAIN.has(typeof value))
  );
}

const PLAIN = new Set(['string', 'number']);
