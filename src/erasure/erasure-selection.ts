import { parseId } from '../common/ids.js';
import { UsageError } from '../common/usage-error.js';
import { parseUuid } from '../common/uuid.js';

/** Selects what to erase: all events of a subject, all of a task, or single events. */
export type ErasureSelection =
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'task'; readonly task: string }
  | { readonly kind: 'events'; readonly events: readonly string[] };

/** An erasure that an operator requests. */
export interface Erasure {
  readonly selection: ErasureSelection;
  /** Why. It stays readable in the audit log. */
  readonly reason: string;
  readonly isDryRun: boolean;
}

export const ERASE_USAGE =
  'npm run audit:erase -- (--subject <iss#sub> | --task <id> | --events <id,id…>) --reason <text> [--dry-run]';

const MAX_REASON = 500;
const OPTIONS = ['--subject', '--task', '--events', '--reason'];

/**
 * Reads the arguments of `npm run audit:erase`.
 *
 * @throws UsageError if they do not select one erasure
 */
export function erasureOf(args: readonly string[]): Erasure {
  const { values, isDryRun } = readOptions(args);
  const reason = values.get('--reason')?.trim() ?? '';
  if (reason === '') throw new UsageError('--reason is required');
  if (reason.length > MAX_REASON)
    throw new UsageError(`--reason can have at most ${MAX_REASON} characters`);
  if (/\p{Cc}/u.test(reason)) throw new UsageError('--reason must not contain control characters');
  const selections = OPTIONS.slice(0, 3).filter((option) => values.has(option));
  if (selections.length !== 1)
    throw new UsageError('exactly one of --subject, --task and --events is required');
  return { selection: selectionOf(values), reason, isDryRun };
}

function readOptions(args: readonly string[]) {
  const values = new Map<string, string>();
  let isDryRun = false;
  for (let at = 0; at < args.length; at += 1) {
    const [option, joined] = split(args[at] ?? '');
    if (option === '--dry-run' && joined === undefined) {
      isDryRun = true;
      continue;
    }
    if (!OPTIONS.includes(option)) throw new UsageError(`${option} is not an option`);
    if (values.has(option)) throw new UsageError(`${option} is given twice`);
    const value = joined ?? args[(at += 1)];
    if (value === undefined || value === '') throw new UsageError(`${option} has no value`);
    values.set(option, value);
  }
  return { values, isDryRun };
}

/** `--option=value` is one argument. */
function split(argument: string): [string, string?] {
  const at = argument.startsWith('--') ? argument.indexOf('=') : -1;
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)];
}

function selectionOf(values: ReadonlyMap<string, string>): ErasureSelection {
  const subject = values.get('--subject');
  if (subject !== undefined) return { kind: 'subject', subject: subjectOf(subject) };
  const task = values.get('--task');
  if (task !== undefined) return { kind: 'task', task: taskOf(task) };
  const events = (values.get('--events') ?? '').split(',').map((id) => id.trim());
  return { kind: 'events', events: [...new Set(events.map(eventOf))] };
}

function subjectOf(subject: string): string {
  if (subject === 'system' || subject === 'erased' || subject.startsWith('erased#'))
    throw new UsageError(`${subject} is not the subject of a token`);
  if (subject.includes('#')) return subject;
  throw new UsageError('--subject must be <iss>#<sub>, as the audit log has it in actor');
}

function taskOf(text: string): string {
  const id = parseId(text, ['task'])?.id;
  if (id === undefined) throw new UsageError(`${text} is not the id of a task`);
  return id;
}

function eventOf(text: string): string {
  const id = parseUuid(text);
  if (id === undefined)
    throw new UsageError(`${text === '' ? 'an empty text' : text} is not the id of an event`);
  return id;
}
