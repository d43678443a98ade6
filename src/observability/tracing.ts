import { types } from 'node:util';
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { uuidFromHex } from '../common/uuid.js';
import { codeOf } from '../errors/error-text.js';
import { VERSION } from '../version.js';
import { requestContext } from './request-context.js';

export const TRACER_NAME = 'agent-mesh-controller';
/** How long the export of the last spans may delay the end of the process. */
const FLUSH_MS = 2_000;

let registered: Tracer | undefined;

/** Returns the tracer of the registered SDK. Undefined if there is none: then no span is created. */
export function findTracer(): Tracer | undefined {
  registered ??= registeredTracer();
  return registered;
}

export function hasTracer(): boolean {
  return findTracer() !== undefined;
}

/** The API returns a proxy, whose delegate is the SDK; without an SDK the proxy has no tracer of a delegate. */
interface Proxy extends TracerProvider {
  getDelegate(): TracerProvider;
  getDelegateTracer(name: string, version?: string): Tracer | undefined;
}

function isProxy(provider: TracerProvider): provider is Proxy {
  return 'getDelegate' in provider && 'getDelegateTracer' in provider;
}

function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return isProxy(provider)
    ? provider.getDelegateTracer(TRACER_NAME, VERSION)
    : provider.getTracer(TRACER_NAME, VERSION);
}

/** Runs `work` in a span. If it rejects, the span has the type of the error, and not its text, which can contain input. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span?: Span) => Promise<T>,
): Promise<T> {
  const tracer = findTracer();
  if (!tracer) return work();
  return tracer.startActiveSpan(name, options, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      setError(span, errorType(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

export function setError(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Returns the code of an error, of its cause if only that has one, as after `fetch`, or else its name. */
function errorType(error: unknown): string {
  if (!types.isNativeError(error)) return typeof error;
  return codeOf(error) ?? codeOf(error.cause) ?? error.name;
}

/** Returns the context of the active span; undefined without one. */
function activeSpanContext(): SpanContext | undefined {
  const active = findTracer() && trace.getActiveSpan()?.spanContext();
  return active && isSpanContextValid(active) ? active : undefined;
}

/** The ids of the active span as members of a log entry. */
export function activeSpanIds(): { trace_id?: string; span_id?: string } {
  const active = activeSpanContext();
  return active ? { trace_id: uuidFromHex(active.traceId), span_id: active.spanId } : {};
}

/**
 * Returns the `traceparent` (https://www.w3.org/TR/trace-context/) with which other work continues the present trace: that
 * of the active span, else the one of the request; null if there is none.
 */
export function currentTraceparent(): string | null {
  const active = activeSpanContext();
  if (!active) return requestContext()?.traceparent ?? null;
  const flags = (active.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${active.traceId}-${active.spanId}-${flags}`;
}

/** Returns the context of the span that a `traceparent` names. Undefined if it is not valid. */
export function spanContextOf(traceparent: string): SpanContext | undefined {
  return trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent }));
}

/** Returns the headers that continue the active span in another service. Empty without one. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (hasTracer()) propagation.inject(context.active(), headers);
  return headers;
}

/** Exports the spans that have ended, for at most two seconds. Never rejects. */
export async function flushSpans(): Promise<void> {
  const provider = trace.getTracerProvider();
  const sdk: unknown = isProxy(provider) ? provider.getDelegate() : provider;
  if (!canFlush(sdk)) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  await Promise.race([sdk.forceFlush().catch(() => undefined), limit]);
  clearTimeout(timer);
}

function canFlush(provider: unknown): provider is { forceFlush(): Promise<void> } {
  return (
    typeof provider === 'object' &&
    provider !== null &&
    'forceFlush' in provider &&
    typeof provider.forceFlush === 'function'
  );
}
