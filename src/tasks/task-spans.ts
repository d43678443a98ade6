import { type Span, SpanKind } from '@opentelemetry/api';
import { findTracer, inSpan, spanContextOf } from '../observability/tracing.js';
import type { ClaimedTaskDto } from './dto/claim.dto.js';

/** The parts of a task that its spans name. */
interface RoutedTask {
  readonly id: string;
  readonly task_type: string;
}

/** Attributes by the semantic conventions for messaging: a role is a queue, and a task is a message. */
function attributesOf(role: string, operation: 'send' | 'process') {
  return {
    'messaging.system': 'agent_mesh',
    'messaging.destination.name': role,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'mesh.role': role,
  };
}

/** Routes a task in a span `send <role>`. */
export function inSendSpan<T extends RoutedTask>(
  role: string,
  route: () => Promise<T>,
): Promise<T> {
  const options = { kind: SpanKind.PRODUCER, attributes: attributesOf(role, 'send') };
  return inSpan(`send ${role}`, options, async (span) => {
    const task = await route();
    if (span) describe(span, task);
    return task;
  });
}

/**
 * Claims a task in a span `process <role>`, with a link to the span that routed the task. A claim that finds no task has no
 * span.
 */
export async function inProcessSpan<T>(
  claim: () => Promise<T>,
  taskOf: (result: T) => ClaimedTaskDto | null,
): Promise<T> {
  const tracer = findTracer();
  if (!tracer) return claim();
  const startTime = Date.now();
  const result = await claim();
  const claimed = taskOf(result);
  if (!claimed) return result;
  const { task, session } = claimed;
  const sender = task.traceparent === null ? undefined : spanContextOf(task.traceparent);
  const span = tracer.startSpan(`process ${session.role}`, {
    kind: SpanKind.CONSUMER,
    startTime,
    attributes: { ...attributesOf(session.role, 'process'), 'mesh.attempt': task.attempt },
    ...(sender && { links: [{ context: sender }] }),
  });
  describe(span, task);
  span.end();
  return result;
}

function describe(span: Span, { id, task_type }: RoutedTask): void {
  span.setAttributes({
    'messaging.message.id': id,
    'mesh.task.id': id,
    'mesh.task.type': task_type,
  });
}
