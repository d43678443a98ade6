/** On whose account something happens: what an audit event says of its author. */
export interface Actor {
  /** The role acted for. */
  readonly role: string;
  /** Who acted: an agent's subject. */
  readonly subject: string;
}

/** The controller itself: sweeps. */
export const SYSTEM: Actor = { role: 'system', subject: 'system' };
