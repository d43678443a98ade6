import { type Command, Option } from 'commander';
import { contextOf } from '../context.js';
import { CliError } from '../failure.js';
import { given, jsonObject, wholeNumber } from '../input.js';
import type { Task } from '@agent-mesh/client';
import { cellText, fields, jsonText, table, timeText } from '../output.js';
import { eventLine, taskLines, taskRow, TASK_HEADER, waitLine } from '../texts.js';

const PAGE_SIZE = 20;

interface RouteOptions {
  readonly data?: Record<string, unknown>;
  readonly context?: Record<string, unknown>;
  readonly description?: string;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly deadline?: string;
  readonly notBefore?: string;
  readonly maxAttempts?: number;
  readonly maxRunSeconds?: number;
  readonly parent?: string;
  readonly requiresApproval?: string;
  readonly key?: string;
  readonly wait?: number | true;
}

interface ListOptions {
  readonly type?: string;
  readonly status?: Task['status'];
  readonly to?: string;
  readonly from?: string;
  readonly trace?: string;
  readonly limit: number;
}

export function addTaskCommands(program: Command): void {
  program
    .command('route')
    .description(
      'Route a task to a role. With --wait, wait for its result: exit code 1 if it is not completed.',
    )
    .argument('<role>', 'the role that the task is for')
    .argument('<type>', 'the type of the task')
    .option(
      '-d, --data <json>',
      'data of the task: JSON, @file, or @- for standard input',
      jsonObject,
    )
    .option('--description <text>', 'description of the task')
    .option('--context <json>', 'context of the task: JSON or @file', jsonObject)
    .addOption(new Option('--priority <priority>').choices(['low', 'normal', 'high']))
    .option('--deadline <time>', 'time at which the task expires (RFC 3339)')
    .option('--not-before <time>', 'time from which the task can be claimed (RFC 3339)')
    .option('--max-attempts <n>', 'largest number of attempts', wholeNumber)
    .option('--max-run-seconds <n>', 'longest time of one attempt', wholeNumber)
    .option('--parent <task>', 'the task that this one is a part of')
    .option('--requires-approval <role>', 'a role that must approve before the task is completed')
    .option('--key <key>', 'idempotency key: with the same key the task is routed once')
    .option('-w, --wait [seconds]', 'wait until the task has ended', wholeNumber)
    .action(async (role: string, type: string, options: RouteOptions, command: Command) => {
      const { mesh, out, role: from_role } = contextOf(command);
      const { description, data, context, requiresApproval } = options;
      const routed = await mesh.tasks.route(
        {
          target: role,
          task: { task_type: type, ...given({ description, data }) },
          ...given({
            context,
            from_role,
            priority: options.priority,
            deadline_at: options.deadline,
            not_before: options.notBefore,
            max_attempts: options.maxAttempts,
            max_run_seconds: options.maxRunSeconds,
            parent_task_id: options.parent,
            requires_approval:
              requiresApproval === undefined ? undefined : { role: requiresApproval },
          }),
        },
        { idempotencyKey: options.key },
      );
      // The JSON contains the warnings.
      if (!out.isJson) for (const { message } of routed.warnings ?? []) warn(message);
      if (options.wait === undefined) {
        out.result(routed, () => `Routed ${routed.task_id} to ${cellText(role)}.`);
        return;
      }
      if (!out.isJson) warn(`Routed ${routed.task_id}; waiting for its end.`);
      await showEnd(command, routed.task_id, options.wait);
    });

  program
    .command('inbox')
    .description('List the tasks that your role can claim now, most urgent first.')
    .option('--type <type>', 'only tasks of this type')
    .option('--limit <n>', 'largest number of tasks', wholeNumber, PAGE_SIZE)
    .action(async ({ type, limit }: ListOptions, command: Command) => {
      const context = contextOf(command);
      const { mesh, out } = context;
      const to_role = await context.ownRole(mesh);
      const filter = { to_role, status: 'pending' as const, ...given({ task_type: type }) };
      const tasks = await mesh.tasks.list(filter).all(limit);
      out.result({ tasks }, () =>
        tasks.length === 0
          ? `The inbox of ${cellText(to_role)} is empty.`
          : table(TASK_HEADER, tasks.map(taskRow)),
      );
    });

  program
    .command('tasks')
    .description('List tasks that you can read, newest first.')
    .addOption(
      new Option('--status <status>').choices([
        'pending',
        'active',
        'completed',
        'failed',
        'expired',
        'dead',
        'cancelled',
      ]),
    )
    .option('--to <role>', 'only tasks for this role')
    .option('--from <role>', 'only tasks of this role')
    .option('--type <type>', 'only tasks of this type')
    .option('--trace <id>', 'only tasks of this trace')
    .option('--limit <n>', 'largest number of tasks', wholeNumber, PAGE_SIZE)
    .action(async ({ status, to, from, type, trace, limit }: ListOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const filter = given({
        status,
        to_role: to,
        from_role: from,
        task_type: type,
        trace_id: trace,
      });
      const tasks = await mesh.tasks.list(filter).all(limit);
      out.result({ tasks }, () =>
        tasks.length === 0 ? 'There are no such tasks.' : table(TASK_HEADER, tasks.map(taskRow)),
      );
    });

  program
    .command('task')
    .description('Show a task with its attempts and approvals.')
    .argument('<task>', 'id of the task')
    .option('-t, --timeline', 'show its events, too')
    .option(
      '-w, --wait [seconds]',
      'wait until the task has ended: exit code 1 if it is not completed',
      wholeNumber,
    )
    .action(
      async (
        id: string,
        { timeline, wait }: { timeline?: boolean; wait?: number | true },
        command: Command,
      ) => {
        if (wait !== undefined) {
          await showEnd(command, id, wait);
          return;
        }
        const { mesh, out } = contextOf(command);
        const task = await mesh.tasks.get(id);
        if (timeline !== true) {
          out.result(task, () => taskLines(task));
          return;
        }
        const events = await mesh.tasks.timeline(id);
        out.result({ ...task, timeline: events }, () => [
          ...taskLines(task),
          '',
          ...events.events.map(eventLine),
          ...events.waits_for.map(waitLine),
        ]);
      },
    );

  program
    .command('timeline')
    .description('Show the events of a task, and what it waits for.')
    .argument('<task>', 'id of the task')
    .action(async (id: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      const timeline = await mesh.tasks.timeline(id);
      out.result(timeline, () => [
        ...timeline.events.map(eventLine),
        ...timeline.waits_for.map(waitLine),
        ...(timeline.complete ? [] : ['The task has more events: mesh audit export --task.']),
      ]);
    });

  program
    .command('cancel')
    .description('Cancel a task that a role of yours routed.')
    .argument('<task>', 'id of the task')
    .option('-m, --reason <text>', 'the reason')
    .option('--cascade', 'cancel the tasks below it, too')
    .action(
      async (
        id: string,
        { reason, cascade }: { reason?: string; cascade?: boolean },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const task = await mesh.tasks.cancel(id, given({ reason, cascade }));
        out.result(task, () => `Cancelled task-${task.id}.`);
      },
    );

  program
    .command('retry')
    .description('Open another attempt at a task that has failed.')
    .argument('<task>', 'id of the task')
    .option('-m, --reason <text>', 'the reason')
    .action(async (id: string, { reason }: { reason?: string }, command: Command) => {
      const { mesh, out } = contextOf(command);
      const task = await mesh.tasks.retry(id, given({ reason }));
      out.result(task, () => `task-${task.id} is ${task.status}, attempt ${task.attempt}.`);
    });
}

/** Waits for the end of a task and shows it. */
async function showEnd(command: Command, id: string, wait: number | true): Promise<void> {
  const { mesh, out } = contextOf(command);
  const task = await mesh.tasks.ended(id, wait === true ? {} : { timeoutMs: wait * 1000 });
  const last = task.attempts.at(-1);
  out.result(task, () =>
    fields({
      task: `task-${task.id}`,
      status: task.status,
      result: jsonText(last?.result, 10_000),
      error: last?.error,
      ended: timeText(last?.updated_at),
    }),
  );
  if (task.status !== 'completed')
    throw new CliError(`mesh.task_${task.status}`, `The task is ${task.status}.`);
}

function warn(text: string): void {
  process.stderr.write(`${text}\n`);
}
