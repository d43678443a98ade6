import { type InputProblem, InvalidInputError } from '../../errors/domain-error.js';
import { isRecord } from '../../common/is-record.js';
import { renameAliases } from '../../http/aliases.js';
import { escapePointer } from '../../http/json-limits.js';
import type { WarningDto } from '../../http/warnings.js';
import { closestName } from '../../common/closest-name.js';

const KNOWN = ['task_type', 'description', 'data'];

/**
 * Converts the body of a v0.4 agent, whose `task` is an object of any shape, often
 * `{ type: 'budget_approval', amount: 50000 }`. Renames `type` to `task_type`, and moves unknown members to `data`.
 *
 * @param warn receives a warning for each moved member
 * @throws InvalidInputError if `type` and `task_type` differ, or `data` already has a member with the name of a moved one
 */
export function normalizeLegacyTask(
  body: unknown,
  warn: (warning: WarningDto) => void = () => undefined,
): unknown {
  if (!isRecord(body) || !isRecord(body.task)) return body;
  const task = renameAliases(withoutNullKnownMembers(body.task), { type: 'task_type' });
  return { ...body, task: isRecord(task) ? gatherData(task, warn) : task };
}

/** Drops known members with the value null. In members that move to `data`, null is a value of the caller. */
function withoutNullKnownMembers(task: Record<string, unknown>): Record<string, unknown> {
  const isOurs = (name: string): boolean => name === 'type' || KNOWN.includes(name);
  return Object.fromEntries(
    Object.entries(task).filter(([name, value]) => value !== null || !isOurs(name)),
  );
}

function gatherData(
  task: Record<string, unknown>,
  warn: (warning: WarningDto) => void,
): Record<string, unknown> {
  const extra = Object.entries(task).filter(([name]) => !KNOWN.includes(name));
  if (extra.length === 0) return task;
  const data = task.data ?? {};
  // The validator reports that data is not an object.
  if (!isRecord(data))
    return Object.fromEntries(Object.entries(task).filter(([name]) => KNOWN.includes(name)));
  const problems: InputProblem[] = extra
    .filter(([name]) => Object.hasOwn(data, name))
    .map(([name]) => ({
      pointer: `/task/${escapePointer(name)}`,
      message: 'task.data has a member of the same name: send the member only in task.data',
    }));
  if (problems.length > 0) throw new InvalidInputError(problems);
  for (const [name] of extra) warn(movedToData(name));
  const known = Object.entries(task).filter(([name]) => KNOWN.includes(name));
  return { ...Object.fromEntries(known), data: { ...data, ...Object.fromEntries(extra) } };
}

function movedToData(name: string): WarningDto {
  const known = closestName(name, KNOWN);
  return {
    code: 'task.unknown_member',
    message: `The member is not known and was moved to task.data${known === undefined ? '.' : `; did you mean "${known}"?`}`,
    pointer: `/task/${escapePointer(name)}`,
  };
}
