import type { Session, Task } from './types.js';

type Api = typeof import('@opentelemetry/api');

const NAME = '@agent-mesh/client';
/** The channel on which the HTTP client of Node announces requests. An instrumentation that listens adds the trace headers. */
const REQUESTS = 'undici:request:create';

let api: Api | undefined;

/** Loads the API of OpenTelemetry if the application has it. Without it there are no spans. */
export async function loadTracing(): Promise<void> {
  api ??= await import('@opentelemetry/api').catch(() => undefined);
}

/** Runs the handler of a task in a span `process <role>`, which continues the trace of the task. */
export function inTaskSpan<T>(task: Task, session: Session, handle: () => Promise<T>): Promise<T> {
  if (!api) return handle();
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const { traceparent = null } = task;
  const parent =
    traceparent === null ? context.active() : propagation.extract(ROOT_CONTEXT, { traceparent });
  const options = { kind: SpanKind.CONSUMER, attributes: attributesOf(task, session) };
  const tracer = trace.getTracer(NAME);
  return tracer.startActiveSpan(`process ${task.to_role}`, options, parent, async (span) => {
    try {
      return await handle();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
      throw error;
    } finally {
      span.end();
    }
  });
}

function attributesOf(task: Task, session: Session) {
  return {
    'messaging.system': 'agent_mesh',
    'messaging.destination.name': task.to_role,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': task.id,
    'mesh.role': task.to_role,
    'mesh.task.id': task.id,
    'mesh.task.type': task.task_type,
    'mesh.attempt': session.attempt ?? 1,
  };
}

/**
 * Returns the headers with which a request of a handler continues its trace. Empty if an instrumentation of `fetch` adds
 * them, because a repeated `traceparent` is invalid.
 */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (api && !isInstrumented()) api.propagation.inject(api.context.active(), headers);
  return headers;
}

/** Not an import, because browsers have no such module. */
function isInstrumented(): boolean {
  if (typeof process === 'undefined') return false;
  return process.getBuiltinModule('node:diagnostics_channel').hasSubscribers(REQUESTS);
}
