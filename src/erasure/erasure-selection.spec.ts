import { describe, expect, it } from '@jest/globals';
import { erasureOf } from './erasure-selection.js';

const ID = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';
const SUBJECT = 'https://idp.example.com/realms/corp#ann';

describe('erasureOf', () => {
  it.each([
    [['--subject', SUBJECT], { kind: 'subject', subject: SUBJECT }],
    [[`--subject=${SUBJECT}`], { kind: 'subject', subject: SUBJECT }],
    [['--task', `task-${ID}`], { kind: 'task', task: ID }],
    [['--task', ID.toUpperCase()], { kind: 'task', task: ID }],
    [['--events', `${ID}, ${ID}`], { kind: 'events', events: [ID] }],
  ])('reads %j', (args, selection) => {
    const reason = 'Request of the person';

    expect(erasureOf([...args, '--reason', reason])).toEqual({
      selection,
      reason,
      isDryRun: false,
    });
    expect(erasureOf(['--dry-run', ...args, `--reason=${reason}`])).toMatchObject({
      isDryRun: true,
    });
  });

  it.each([
    [[], '--reason is required'],
    [['--reason', ' '], '--reason is required'],
    [['--reason', 'x'], 'exactly one of --subject, --task and --events is required'],
    [
      ['--reason', 'x', '--task', ID, '--subject', SUBJECT],
      'exactly one of --subject, --task and --events is required',
    ],
    [['--reason', 'x', '--task', ID, '--task', ID], '--task is given twice'],
    [['--reason', 'x', '--task'], '--task has no value'],
    [['--reason', 'x', '--task='], '--task has no value'],
    [['--reason', 'x', '--task', 'T-1'], 'T-1 is not the id of a task'],
    [['--reason', 'x', '--task', `session-${ID}`], `session-${ID} is not the id of a task`],
    [['--reason', 'x', '--events', `${ID},`], 'an empty text is not the id of an event'],
    [['--reason', 'x', '--events', `task-${ID}`], `task-${ID} is not the id of an event`],
    [['--reason', 'x', '--subject', 'ann'], '--subject must be <iss>#<sub>'],
    [['--reason', 'x', '--subject', 'system'], 'system is not the subject of a token'],
    [['--reason', 'x', '--subject', 'erased#1'], 'erased#1 is not the subject of a token'],
    [['--reason', 'x', '--all'], '--all is not an option'],
    [['--reason', 'x', '--dry-run=no'], '--dry-run is not an option'],
    [['--reason', 'a\nb', '--task', ID], '--reason must not contain control characters'],
    [['--reason', 'x'.repeat(501), '--task', ID], '--reason can have at most 500 characters'],
  ])('refuses %j', (args, message) => {
    expect(() => erasureOf(args)).toThrow(message);
  });
});
