import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { Environment } from '../config/environment.js';
import { requestContext } from './request-context.js';

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

  protected override getJsonLogObject(
    ...parameters: Parameters<ConsoleLogger['getJsonLogObject']>
  ): ReturnType<ConsoleLogger['getJsonLogObject']> {
    const trace_id = requestContext()?.traceId;
    return { ...super.getJsonLogObject(...parameters), ...(trace_id && { trace_id }) };
  }
}
