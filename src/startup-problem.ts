import { explainError } from './errors/error-text.js';

/** Returns the line that the process prints if it cannot start or stop: the cause and a hint. */
export function startupProblem(error: unknown): string {
  return `agent-mesh-controller: ${explainError(error)}`;
}
