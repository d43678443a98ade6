import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { NodeSDK, resources, type tracing } from '@opentelemetry/sdk-node';
import { VERSION } from '../version.js';
import { requestContext } from './request-context.js';
import { hasTracer, TRACER_NAME } from './tracing.js';

const REPORT_MS = 60_000;
const MAX_REASON = 300;

/** Starts the SDK, which reads its options from the standard variables. An SDK that is registered already stays. */
export function startSdk(): void {
  if (hasTracer()) return;
  diag.setLogger(problemLogger(), {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      'service.name': TRACER_NAME,
      'service.version': VERSION,
    }),
    idGenerator: new RequestTraceIds(),
    instrumentations: [],
  });
  sdk.start();
}

/** A span without a parent gets the trace id of its request, so that `X-Trace-Id`, the log and the trace have one id. */
class RequestTraceIds implements tracing.IdGenerator {
  generateTraceId(): string {
    const id = requestContext()?.traceId.replaceAll('-', '');
    return id === undefined || /^0+$/.test(id) ? randomHex(16) : id;
  }

  generateSpanId(): string {
    return randomHex(8);
  }
}

/** All zeros is not a valid id (https://www.w3.org/TR/trace-context/#trace-id). */
function randomHex(bytes: number): string {
  const id = randomBytes(bytes).toString('hex');
  return /^0+$/.test(id) ? randomHex(bytes) : id;
}

/** Logs problems of the SDK, such as spans that were not exported, at most once a minute. */
function problemLogger() {
  const logger = new Logger('Tracing');
  let reportedAt = -Infinity;
  const report = (message: string): void => {
    if (performance.now() - reportedAt < REPORT_MS) return;
    reportedAt = performance.now();
    logger.warn(`Spans may be lost. ${reasonOf(message)}`);
  };
  const ignore = (): void => undefined;
  return { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
}

/** The SDK reports an error as JSON with its stack. */
function reasonOf(message: string): string {
  const [, inJson] = /"message":"((?:[^"\\]|\\.)*)"/.exec(message) ?? [];
  return (inJson ?? message).slice(0, MAX_REASON);
}
