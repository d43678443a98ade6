import { describe, expect, it } from '@jest/globals';
import { InvalidInputError } from '../../errors/domain-error.js';
import { normalizeLegacyTask } from './legacy-task-body.js';

describe('A task as existing agents send it', () => {
  it.each<[what: string, task: unknown, careful: unknown]>([
    [
      'as it should be',
      { task_type: 'a', description: 'b', data: { c: 1 } },
      { task_type: 'a', description: 'b', data: { c: 1 } },
    ],
    ['type for task_type', { type: 'a' }, { task_type: 'a' }],
    ['both, and they agree', { type: 'a', task_type: 'a' }, { task_type: 'a' }],
    [
      'members beside data',
      { type: 'budget_approval', amount: 50_000 },
      { task_type: 'budget_approval', data: { amount: 50_000 } },
    ],
    [
      'members beside and in data',
      { task_type: 'a', x: 1, data: { y: 2 } },
      { task_type: 'a', data: { y: 2, x: 1 } },
    ],
    [
      'null where nothing is meant',
      { task_type: 'a', type: null, description: null, data: null },
      { task_type: 'a' },
    ],
    ['a null of its own', { task_type: 'a', x: null }, { task_type: 'a', data: { x: null } }],
    [
      'data that is no object, for the validator',
      { task_type: 'a', data: [1], x: 1 },
      { task_type: 'a', data: [1] },
    ],
    ['nothing', {}, {}],
  ])('%s', (_, task, careful) => {
    expect(normalizeLegacyTask({ target: 'manager', task })).toEqual({
      target: 'manager',
      task: careful,
    });
  });

  it('warns of each member that was moved', () => {
    const warnings: unknown[] = [];
    const task = { type: 'a', descripton: 'b', amount: 1, 'x/y': 1, data: { c: 1 } };

    expect(normalizeLegacyTask({ task }, (warning) => warnings.push(warning))).toEqual({
      task: { task_type: 'a', data: { descripton: 'b', amount: 1, 'x/y': 1, c: 1 } },
    });
    const message = 'The member is not known and was moved to task.data';
    const code = 'task.unknown_member';
    expect(warnings).toEqual([
      { code, message: `${message}; did you mean "description"?`, pointer: '/task/descripton' },
      { code, message: `${message}.`, pointer: '/task/amount' },
      { code, message: `${message}.`, pointer: '/task/x~1y' },
    ]);
  });

  it.each([undefined, null, 'x', [], {}, { task: null }, { task: 'x' }, { task: [] }])(
    'is left to the validator when it is none: %j',
    (body) => {
      expect(normalizeLegacyTask(body)).toBe(body);
    },
  );

  it.each<[task: unknown, problems: unknown]>([
    [
      { type: 'a', task_type: 'b' },
      [{ pointer: '/type', message: 'type and task_type must not differ' }],
    ],
    [
      { task_type: 'a', x: 1, 'y/z': 2, data: { x: 1, 'y/z': 2 } },
      [
        {
          pointer: '/task/x',
          message: 'task.data has a member of the same name: send the member only in task.data',
        },
        {
          pointer: '/task/y~1z',
          message: 'task.data has a member of the same name: send the member only in task.data',
        },
      ],
    ],
  ])('is refused where two things bear one name: %j', (task, errors) => {
    expect(() => normalizeLegacyTask({ task })).toThrow(InvalidInputError);
    expect(() => normalizeLegacyTask({ task })).toThrow(
      expect.objectContaining({ extras: { errors } }),
    );
  });
});
