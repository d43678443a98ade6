/** The author of a change, as its audit event records it. */
export interface Actor {
  /** The acting role. */
  readonly role: string;
  /** The subject of the agent. */
  readonly subject: string;
}

/** The controller itself, as the author of changes made by the sweep. */
export const SYSTEM: Actor = { role: 'system', subject: 'system' };
