/** Priorities, lowest first. The index in this list is the number by which attempts are ordered. */
export const PRIORITIES = ['low', 'normal', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Returns the number by which attempts are ordered: 0 low, 1 normal, 2 high. */
export function rankOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

export function isPriority(value: unknown): value is Priority {
  return PRIORITIES.some((priority) => priority === value);
}
