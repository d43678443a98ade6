import { describe, expect, it } from '@jest/globals';
import { asQuery, pick, pickGiven, recordOf, recordsOf } from './json-of.js';
import type { Mesh } from './mesh-client.js';

class NoteDto {
  title: string;
  pages?: number;
}

describe('The JSON of a DTO', () => {
  it('has the members that are present, with the names of the DTO', () => {
    const args = { title: 'x', pages: undefined, other: 1 };
    expect(pickGiven<NoteDto>(args, 'title', 'pages')).toEqual({ title: 'x' });
    expect(asQuery<NoteDto>({ pages: 3 })).toEqual({ pages: '3' });
    expect(pick(recordOf<NoteDto>({ title: 'x', other: 1 }), 'title', 'pages')).toEqual({
      title: 'x',
      pages: null,
    });
  });

  it('is empty for a value of another kind', () => {
    for (const value of [undefined, null, 'x', 7, []]) expect(recordOf<NoteDto>(value)).toEqual({});
    expect(recordsOf<NoteDto>([{ title: 'x' }, 7])).toEqual([{ title: 'x' }, {}]);
    expect(recordsOf<NoteDto>({})).toEqual([]);
  });

  // `npm run check:types` fails if one of these lines compiles.
  it('does not compile with a name that the DTO lacks', () => {
    // @ts-expect-error NoteDto has no such member.
    expect(pickGiven<NoteDto>({ titel: 'x' }, 'titel')).toEqual({ titel: 'x' });
    // @ts-expect-error The name of the DTO is required.
    expect(pickGiven({ title: 'x' }, 'title')).toEqual({ title: 'x' });
    // @ts-expect-error NoteDto has no such member.
    expect(recordOf<NoteDto>({}).titel).toBeUndefined();
    // @ts-expect-error NoteDto has no such member.
    expect(pick(recordOf<NoteDto>({}), 'titel')).toEqual({ titel: null });
  });

  it('does not compile with a member that an operation lacks', async () => {
    const mesh: Mesh = {
      call: () => Promise.resolve({ status: 200, body: {}, replayed: false }),
    };
    // @ts-expect-error CancelDto has no such member.
    const { body } = await mesh.call('cancel_task', { body: { raeson: 'x' } });
    // @ts-expect-error CancelledTaskDto has no such member.
    expect(body.canceled_tasks).toBeUndefined();
    // @ts-expect-error ListTasksQuery has no such member.
    await mesh.call('list_tasks', { query: { role: 'x' } });
    // @ts-expect-error The operation has no body.
    await mesh.call('get_task', { body: { reason: 'x' } });
  });
});
