import { ConnectionError, ProblemError } from '@agent-mesh/client';
import { texts } from '../texts';

/** An error in words: its kind, this case, and its code and trace id for a report. */
export interface DescribedError {
  readonly title: string;
  readonly detail: string;
  readonly reference?: string;
}

export function describeError(error: Error): DescribedError {
  if (error instanceof ProblemError) {
    const { problem, code, detail, trace_id } = error;
    return {
      title: problem.title ?? texts.errors.unexpected,
      detail,
      reference: texts.errors.reference(code, trace_id),
    };
  }
  if (error instanceof ConnectionError)
    return { title: texts.errors.unreachable, detail: texts.errors.unreachableDetail };
  return { title: texts.errors.unexpected, detail: error.message };
}
