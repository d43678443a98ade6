import { explain } from './errors/explain.js';

/** Why the controller cannot start or stop, as one line for the person at the terminal. */
export function startupProblem(error: unknown): string {
  return `agent-mesh-controller: ${explain(error)}`;
}
