import {
  AUDIT_EVENT_TYPES,
  COMMON_METADATA,
  type MemberSchema,
} from '../../src/audit/audit-event-types.js';
import type { TestApp } from './app.js';

const MEMBERS = `
  SELECT DISTINCT e.event_type, m.key, jsonb_typeof(m.value) AS type
    FROM audit_events e CROSS JOIN LATERAL jsonb_each(e.metadata) AS m
   WHERE e.event_type NOT LIKE 'agent.%' AND jsonb_typeof(e.metadata) = 'object'`;

/**
 * Returns the members of the metadata of recorded events that the table of event types does not contain, or contains with
 * another type, such as `task_routed.to_role: number`.
 */
export async function undescribedMembers(mesh: Pick<TestApp, 'query'>): Promise<string[]> {
  const rows = await mesh.query<{ event_type: string; key: string; type: string }>(MEMBERS);
  return rows
    .filter(({ event_type, key, type }) => !typesOf(event_type, key).includes(type))
    .map(({ event_type, key, type }) => `${event_type}.${key}: ${type}`)
    .sort();
}

const DESCRIBED = new Map<string, Readonly<Record<string, MemberSchema>>>(
  Object.entries(AUDIT_EVENT_TYPES).map(([type, { metadata }]) => [type, metadata]),
);

/** The types of a member as PostgreSQL names them. */
function typesOf(eventType: string, key: string): string[] {
  const members = new Map<string, MemberSchema>(
    Object.entries({ ...DESCRIBED.get(eventType), ...COMMON_METADATA }),
  );
  const types = [members.get(key)?.type ?? []].flat();
  return types.map((type) => (type === 'integer' ? 'number' : type));
}
