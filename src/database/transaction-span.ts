import { type Span, trace } from '@opentelemetry/api';
import { findTracer } from '../observability/tracing.js';

/** The span of a transaction, from BEGIN to its end. Its parent is the span that is active at BEGIN. */
export class TransactionSpan {
  private isOpen = true;

  private constructor(private readonly span: Span) {}

  /** Returns undefined without an active span: the background work of the controller has no spans. */
  static start(): TransactionSpan | undefined {
    const tracer = findTracer();
    if (!tracer || !trace.getActiveSpan()) return undefined;
    const attributes = { 'db.system.name': 'postgresql' };
    return new TransactionSpan(tracer.startSpan('db.transaction', { attributes }));
  }

  /**
   * Ends the span, unless it has ended.
   *
   * @param statements number of its statements, with BEGIN and COMMIT
   */
  end(outcome: 'commit' | 'rollback', statements: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.span.setAttributes({ 'mesh.db.outcome': outcome, 'mesh.db.statements': statements });
    this.span.end();
  }
}
