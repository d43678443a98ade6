import { describe, expect, it } from '@jest/globals';
import { TOOLS } from './all-tools.js';
import { callTool } from './call-tool.js';
import type { MeshClient } from './mesh-client.js';

const MOST_BYTES = 256 * 1024;
/** The most that a body may hold: of letters, of what JSON escapes twice, and of long letters. */
const LARGE = ['x', '\u0001', '"', '漢'].map((char) => ({
  data: { rows: Array.from({ length: 15 }, () => char.repeat(65_536)) },
  text: char.repeat(10_000),
}));

/** A mesh whose lists are long, and whose things are as large as can be. */
function meshOf({ data, text }: (typeof LARGE)[number], count: number): MeshClient {
  const thing = {
    ...{ id: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', task_id: 'x', status: 'active' },
    ...{ task_type: 'y'.repeat(50), from_role: 'r'.repeat(50), to_role: 'r'.repeat(50) },
    ...{ description: text, data, context: data, result: data, error: text, metadata: data },
    ...{ reason: text, payload: data, notes: text },
  };
  const things = Array.from({ length: count }, () => thing);
  const event = {
    at: 'x',
    event: 'task_released',
    role: 'r',
    actor: 'a',
    told: text.slice(0, 1_000),
  };
  const events = Array.from({ length: 1_000 }, () => event);
  const body = {
    ...thing,
    ...{ tasks: things, approvals: things, events, waits_for: [], roles: ['r'], acting_role: 'r' },
    ...{ task: thing, session: { ...thing, result: null }, next_cursor: null, complete: true },
  };
  return { call: () => Promise.resolve({ status: 200, body, replayed: false }) };
}

const READ = { id: 'task-a', task_id: 'a', member: 'data' };

describe('the answer of a tool', () => {
  const tools = ['list_inbox', 'list_approvals', 'claim_task', 'fetch_status', 'task_timeline'];

  it.each([...tools, 'read_detail'])('%s is bounded', async (name) => {
    const taken = TOOLS.find((tool) => tool.name === name)?.input.properties ?? {};
    const args = Object.fromEntries(Object.entries(READ).filter(([key]) => key in taken));
    for (const large of LARGE) {
      const [row = ''] = large.data.rows;
      const smaller = { ...large, data: { rows: [row.slice(0, 5_000)] } };
      for (const mesh of [meshOf(large, 5), meshOf(smaller, 100)]) {
        const { result } = await callTool(mesh, name, args);
        expect(result.isError).not.toBe(true);
        expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(MOST_BYTES);
      }
    }
  });

  it('shows whole what is small, and says of what it does not', async () => {
    const small = { data: { rows: ['x'] }, text: 'x' };
    const claim = await callTool(meshOf(small, 1), 'claim_task', {});
    expect(claim.result.structuredContent).toMatchObject({ task: { data: small.data, cut: [] } });
    const list = await callTool(meshOf(LARGE[0] ?? small, 1), 'list_inbox', {});
    expect(list.result.structuredContent).toMatchObject({
      tasks: [
        {
          ...{ data: null, cut: ['description', 'data', 'context'] },
          previews: { data: expect.stringMatching(/^\{"rows":\["x{200,}…$/) as unknown },
        },
      ],
    });
  });

  it('has the rest in parts', async () => {
    const mesh = meshOf({ data: { rows: ['漢😀'.repeat(20_000)] }, text: 'x' }, 1);
    let read = '';
    for (let offset: unknown = 0; offset !== null;) {
      const args = { id: 'task-a', member: 'data', offset };
      const { result } = await callTool(mesh, 'read_detail', args);
      const { text, next_offset } = result.structuredContent as {
        text: string;
        next_offset: unknown;
      };
      expect(text.isWellFormed()).toBe(true);
      read += text;
      offset = next_offset;
    }
    expect(JSON.parse(read)).toEqual({ rows: ['漢😀'.repeat(20_000)] });
    const ofSession = { id: 'session-x', member: 'data' };
    expect((await callTool(mesh, 'read_detail', ofSession)).outcome).toBe('request.invalid');
  });
});
