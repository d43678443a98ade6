import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { oneLine } from '../common/one-line.js';
import type { Environment } from '../config/environment.js';
import { LineWriter } from './line-writer.js';
import { requestContext } from './request-context.js';

/** Shared by all loggers of the process. */
const LINES = new LineWriter(() => process.stdout);

const LEVELS: LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug'];

const NOISE = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/** Logs one JSON object per line, with the trace id of the request. */
export class JsonLogger extends ConsoleLogger {
  constructor({ LOG_LEVEL }: Environment) {
    super({ json: true, logLevels: LEVELS.slice(0, LEVELS.indexOf(LOG_LEVEL) + 1) });
  }

  /** Omits Nest's list of modules and routes at start-up: the OpenAPI document contains the routes. */
  override log(message: unknown, ...rest: unknown[]): void {
    if (!NOISE.has(rest.at(-1))) super.log(message, ...rest);
  }

  /** Omits Nest's error if it cannot listen: the process prints the cause before it exits. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) !== 'NestApplication') super.error(message, ...rest);
  }

  /** Writes errors immediately, because the process may be about to exit. */
  protected override printAsJson(...parameters: Parameters<ConsoleLogger['printAsJson']>): void {
    const [, { writeStreamType }] = parameters;
    if (writeStreamType === 'stderr') super.printAsJson(...parameters);
    else LINES.write(this.stringifyJsonLogObject(this.getJsonLogObject(...parameters)));
  }

  /** Serializes plain messages directly. Others need Nest's protection against cycles and values that JSON cannot represent. */
  protected override stringifyJsonLogObject(line: Record<string, unknown>): string {
    const json = isPlainObject(line.message)
      ? JSON.stringify(line)
      : super.stringifyJsonLogObject(line);
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

/** Whether a message is a string, or an object whose members are strings and numbers, like the log line of a request. */
function isPlainObject(message: unknown): boolean {
  if (typeof message === 'string') return true;
  return (
    typeof message === 'object' &&
    message !== null &&
    Object.values(message).every((value) => value === undefined || PLAIN.has(typeof value))
  );
}

const PLAIN = new Set(['string', 'number']);
