import { explain } from './errors/explain.js';

/** Returns the line that the process prints if it cannot start or stop: the cause and a hint. */
export function startupProblem(error: unknown): string {
  return `agent-mesh-controller: ${explain(error)}`;
}
