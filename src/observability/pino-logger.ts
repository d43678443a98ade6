import type { LoggerService } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import type { Environment } from '../config/environment.js';
import { LineWriter } from './line-writer.js';
import { jsonLine, textLine } from './log-lines.js';
import { requestContext } from './request-context.js';
import { activeSpanIds } from './tracing.js';

/** The levels of pino, with the names of Nest. */
const LEVELS = { debug: 20, log: 30, warn: 40, error: 50, fatal: 60 };

type Level = keyof typeof LEVELS;

/** Shared by all loggers of the process. */
const OUTPUT = new LineWriter(process.stdout);
const ERRORS = new LineWriter(process.stderr);

/** Contexts of Nest's lists of modules and routes at start-up. The OpenAPI document contains the routes. */
const NOISE = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/** Logs through pino, with the trace id of the request: one JSON object per line, or text in development. */
export class PinoLogger implements LoggerService {
  private readonly pino: Logger<Level, true>;

  constructor({ LOG_LEVEL, NODE_ENV, LOG_FORMAT }: Environment) {
    const isDevelopment = NODE_ENV !== 'production' && process.stdout.isTTY;
    const format =
      (LOG_FORMAT ?? (isDevelopment ? 'text' : 'json')) === 'text' ? textLine : jsonLine;
    const output = {
      write(line: string) {
        OUTPUT.write(format(line));
      },
    };
    /** Writes errors immediately, because the process may be about to exit. */
    const errors = {
      write(line: string) {
        ERRORS.write(format(line));
        ERRORS.flush();
      },
    };
    this.pino = pino<Level, true>(
      {
        level: LOG_LEVEL,
        customLevels: LEVELS,
        useOnlyCustomLevels: true,
        formatters: { level: (level) => ({ level }) },
        base: { pid: process.pid },
        timestamp: () => `,"timestamp":${Date.now()}`,
      },
      pino.multistream(
        [
          { level: LEVELS.debug, stream: output },
          { level: LEVELS.error, stream: errors },
        ],
        { dedupe: true },
      ),
    );
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    if (!NOISE.has(rest.at(-1))) this.write('log', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  /** Omits Nest's error if it cannot listen: the process prints the cause before it exits. */
  error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) !== 'NestApplication') this.write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** @param rest the context, for errors after the stack */
  private write(level: Level, message: unknown, rest: unknown[]): void {
    const isError = message instanceof Error;
    const span = activeSpanIds();
    this.pino[level]({
      message: isError ? message.message : message,
      context: rest.at(-1),
      // Other members of an SQL error contain parameters from the input.
      stack: isError ? message.stack : rest.at(-2),
      trace_id: requestContext()?.traceId ?? span.trace_id,
      span_id: span.span_id,
    });
  }
}
