import { describe, expect, it } from '@jest/globals';
import { MAX_ROLE_LABELS, OTHER_ROLES, RoleLabels } from './role-labels.js';

describe('RoleLabels', () => {
  it('keeps the names of the first roles, and counts the others together', () => {
    const labels = new RoleLabels();
    const roles = Array.from({ length: MAX_ROLE_LABELS + 20 }, (_, n) => `role-${n}`);
    const given = roles.map((role) => labels.labelOf(role));

    expect(given.slice(0, MAX_ROLE_LABELS)).toEqual(roles.slice(0, MAX_ROLE_LABELS));
    expect(new Set(given.slice(MAX_ROLE_LABELS))).toEqual(new Set([OTHER_ROLES]));
    expect(labels.labelOf('role-0')).toBe('role-0');
  });
});
