import type { Command } from 'commander';
import type { ClaimedTask, Session } from '@agent-mesh/client';
import { type Context, contextOf } from '../context.js';
import { CliError } from '../failure.js';
import { given, jsonObject, list, wholeNumber } from '../input.js';
import { cellText, fields, jsonText, timeText } from '../output.js';

/** The longest wait of one request. */
const MAX_WAIT_SECONDS = 25;

interface ClaimOptions {
  readonly type?: string[];
  readonly lease?: number;
  readonly wait?: number;
}

export function addWorkCommands(program: Command): void {
  program
    .command('claim')
    .description(
      'Claim a task, or the most urgent task of your role. Exit code 1 if no task is due.',
    )
    .argument('[task]', 'id of the task; default: the most urgent one')
    .option('--type <types>', 'only tasks of these types, separated by commas', list)
    .option('--lease <seconds>', 'length of the lease', wholeNumber)
    .option('-w, --wait <seconds>', 'wait for a task', wholeNumber)
    .action(async (id: string | undefined, options: ClaimOptions, command: Command) => {
      const context = contextOf(command);
      const lease = given({ lease_seconds: options.lease });
      const claimed =
        id === undefined
          ? await claimNext(context, options)
          : await context.mesh.tasks.claim(id, lease);
      if (claimed === undefined)
        throw new CliError('mesh.nothing_due', 'No task is due, or the role is paused.');
      context.out.result(claimed, () => claimLines(claimed));
    });

  program
    .command('heartbeat')
    .description('Restart the lease of a session.')
    .argument('<session>', 'id of the session')
    .option('--lease <seconds>', 'new length of the lease', wholeNumber)
    .action(async (id: string, { lease }: ClaimOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const session = await mesh.sessions.heartbeat(id, given({ lease_seconds: lease }));
      out.result(session, () => `The lease ends at ${timeText(session.lease_expires_at)}.`);
    });

  program
    .command('complete')
    .description('Complete the task of a session that you claimed.')
    .argument('<session>', 'id of the session')
    .option('-r, --result <json>', 'the result: JSON, @file, or @- for standard input', jsonObject)
    .option('--withdraw-pending', 'withdraw pending approvals that you requested')
    .action(
      async (
        id: string,
        {
          result,
          withdrawPending,
        }: { result?: Record<string, unknown>; withdrawPending?: boolean },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const changes = given({ result, withdraw_pending: withdrawPending });
        const session = await mesh.sessions.complete(id, changes);
        out.result(session, () => stateLine(session));
      },
    );

  program
    .command('fail')
    .description('Fail the attempt of a session that you claimed.')
    .argument('<session>', 'id of the session')
    .argument('<error>', 'the reason')
    .option('--retryable', 'let another attempt follow, if any is left')
    .action(
      async (
        id: string,
        error: string,
        { retryable = false }: { retryable?: boolean },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const session = await mesh.sessions.fail(id, { error, retryable });
        out.result(session, () => stateLine(session));
      },
    );

  program
    .command('release')
    .description(
      'Release a task that you claimed: its next attempt is due at once, at a time, or after an approval.',
    )
    .argument('<session>', 'id of the session')
    .option('-m, --reason <text>', 'the reason')
    .option('--not-before <time>', 'time from which the task can be claimed (RFC 3339)')
    .option('--until-approval <approval>', 'the approval after which the task can be claimed')
    .action(
      async (
        id: string,
        options: { reason?: string; notBefore?: string; untilApproval?: string },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const { reason, notBefore, untilApproval } = options;
        const session = await mesh.sessions.release(
          id,
          given({ reason, not_before: notBefore, until_approval: untilApproval }),
        );
        out.result(session, () => stateLine(session));
      },
    );
}

/** Claims the next task. Another agent can claim it first, so a wait is followed by another claim. */
async function claimNext(
  { mesh, role }: Context,
  { type, lease, wait = 0 }: ClaimOptions,
): Promise<ClaimedTask | undefined> {
  const body = given({ role, task_types: type, lease_seconds: lease });
  const deadline = performance.now() + wait * 1000;
  for (;;) {
    const claimed = await mesh.tasks.claimNext(body);
    const left = Math.ceil((deadline - performance.now()) / 1000);
    if (claimed !== undefined || left <= 0) return claimed;
    const waitSeconds = Math.min(MAX_WAIT_SECONDS, left);
    await mesh.tasks.waitForWork({ role, taskTypes: type, waitSeconds });
  }
}

function claimLines({ task, session, approvals }: ClaimedTask): string[] {
  return [
    ...fields({
      session: `session-${session.id}`,
      'lease until': timeText(session.lease_expires_at),
      task: `task-${task.id}`,
      type: task.task_type,
      from: task.from_role,
      attempt: session.attempt,
      description: task.description,
      data: jsonText(task.data, 10_000),
    }),
    ...approvals.map(
      ({ approval_id, status, approver_role, consumed_by }) =>
        `${cellText(approval_id)}  ${cellText(approver_role)}  ${status}${consumed_by ? `  consumed by ${cellText(consumed_by)}` : ''}`,
    ),
  ];
}

function stateLine({ id, status, ended_reason }: Session): string {
  return `session-${id} is ${status}${ended_reason && ended_reason !== status ? ` (${ended_reason})` : ''}.`;
}
