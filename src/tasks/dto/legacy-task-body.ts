import { type InputProblem, InvalidInputError } from '../../errors/domain-error.js';
import { isObject, renameAliases } from '../../http/aliases.js';
import { escapePointer } from '../../http/json-limits.js';
import type { WarningDto } from '../../http/warnings.js';
import { closestName } from '../../common/closest-name.js';

const KNOWN = ['task_type', 'description', 'data'];

/**
 * Existing agents send `task` as the caller's object as it is, often `{ type: 'budget_approval', amount: 50000 }`.
 * The type goes to `task_type`; every other member that we do not know belongs to `data`.
 *
 * @throws InvalidInputError when `type` and `task_type` differ, or a member is named like one of `data`
 */
export function normalizeLegacyTask(
  body: unknown,
  warn: (warning: WarningDto) => void = () => undefined,
): unknown {
  if (!isObject(body) || !isObject(body.task)) return body;
  const task = renameAliases(withoutNullKnownMembers(body.task), { type: 'task_type' });
  return { ...body, task: isObject(task) ? gatherData(task, warn) : task };
}

/** A null that goes into data is the caller's own. */
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
  // The validator says what is wrong with a data that is no object.
  if (!isObject(data))
    return Object.fromEntries(Object.entries(task).filter(([name]) => KNOWN.includes(name)));
  const problems: InputProblem[] = extra
    .filter(([name]) => Object.hasOwn(data, name))
    .map(([name]) => ({
      pointer: `/task/${escapePointer(name)}`,
      message: 'A member of task must not be named like one of task.data',
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
