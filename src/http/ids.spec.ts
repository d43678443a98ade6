import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { IsOptional, validateSync } from 'class-validator';
import { InvalidInputError } from '../errors/domain-error.js';
import { type IdKind, parseId, withPrefix } from '../common/ids.js';
import { ApprovalIdPipe, IsId, SessionReferencePipe, TaskIdPipe } from './ids.js';

const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

describe('An id', () => {
  it.each<[text: string, kinds: IdKind[], reference: unknown]>([
    [ID, [], { id: ID }],
    [ID.toUpperCase(), [], { id: ID }],
    [`task-${ID}`, ['task'], { id: ID, kind: 'task' }],
    [`session-${ID.toUpperCase()}`, ['task', 'session'], { id: ID, kind: 'session' }],
    ['00000000-0000-0000-0000-000000000000', [], { id: '00000000-0000-0000-0000-000000000000' }],
  ])('reads %s of the kinds %j', (text, kinds, reference) => {
    expect(parseId(text, kinds)).toEqual(reference);
  });

  it.each<[text: unknown, kinds: IdKind[]]>([
    [`task-${ID}`, []],
    [`task-${ID}`, ['approval', 'session']],
    [`task-task-${ID}`, ['task']],
    [`Task-${ID}`, ['task']],
    ['task-', ['task']],
    ['', ['task']],
    [`${ID}\n`, []],
    [` ${ID}`, []],
    [`{${ID}}`, []],
    [ID.replaceAll('-', ''), []],
    [ID.slice(1), []],
    [17, []],
    [null, []],
    [[ID], []],
  ])('is not %j, of the kinds %j', (text, kinds) => {
    expect(parseId(text, kinds)).toBeUndefined();
  });

  it('is written with its prefix', () => {
    expect(withPrefix('approval', ID)).toBe(`approval-${ID}`);
  });
});

describe('An id in the path', () => {
  it('arrives bare, or as what it refers to', () => {
    expect(new TaskIdPipe().transform(`task-${ID}`)).toBe(ID);
    expect(new ApprovalIdPipe().transform(ID)).toBe(ID);
    expect(new SessionReferencePipe().transform(`task-${ID}`)).toEqual({ id: ID, kind: 'task' });
    expect(new SessionReferencePipe().transform(ID)).toEqual({ id: ID });
  });

  it.each([
    [new TaskIdPipe(), `session-${ID}`],
    [new ApprovalIdPipe(), 'latest'],
    [new SessionReferencePipe(), `approval-${ID}`],
  ])('is refused when it is none (%#)', (pipe, text) => {
    expect(() => pipe.transform(text)).toThrow(InvalidInputError);
  });
});

class Holder {
  @IsOptional()
  @IsId('task')
  task_id?: string;
}

describe('A member that holds an id', () => {
  it.each([ID, `task-${ID}`, `task-${ID.toUpperCase()}`])(
    'takes %s and makes it bare',
    (task_id) => {
      const holder = plainToInstance(Holder, { task_id });

      expect(validateSync(holder)).toEqual([]);
      expect(holder.task_id).toBe(ID);
    },
  );

  it.each(['x', `session-${ID}`, 7, {}, ['x'], ''])('refuses %j', (task_id) => {
    const [problem] = validateSync(plainToInstance(Holder, { task_id }));

    expect(Object.values(problem?.constraints ?? {})).toEqual([
      'task_id must be a UUID, bare or as task-<uuid>',
    ]);
  });
});
