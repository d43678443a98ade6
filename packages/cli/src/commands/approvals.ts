import { type Command, Option } from 'commander';
import { contextOf } from '../context.js';
import { usageError } from '../failure.js';
import { given, wholeNumber } from '../input.js';
import { cellText, table } from '../output.js';
import { APPROVAL_HEADER, approvalLines, approvalRow } from '../texts.js';

interface ListOptions {
  readonly mine?: boolean;
  readonly all?: boolean;
  readonly status?: 'pending' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
  readonly task?: string;
  readonly limit: number;
}

export function addApprovalCommands(program: Command): void {
  program
    .command('approvals')
    .description('List the approvals that wait for your decision.')
    .option('--mine', 'those that you requested, instead')
    .option('--all', 'all that you can read, instead')
    .addOption(
      new Option('--status <status>', 'only with this status').choices([
        'pending',
        'approved',
        'rejected',
        'expired',
        'withdrawn',
      ]),
    )
    .option('--task <task>', 'only of this task')
    .option('--limit <n>', 'largest number of approvals', wholeNumber, 20)
    .action(async ({ mine, all, status, task, limit }: ListOptions, command: Command) => {
      const { mesh, out, role } = contextOf(command);
      if (mine === true && all === true) throw usageError('Use either --mine or --all.');
      const whose =
        mine === true
          ? { asked_by: 'me' as const }
          : all === true
            ? {}
            : { waiting_for: 'me' as const };
      const filter = { ...whose, ...given({ status, task_id: task, approver_role: role }) };
      const approvals = await mesh.approvals.list(filter).all(limit);
      out.result({ approvals }, () =>
        approvals.length === 0
          ? 'There are no such approvals.'
          : table(APPROVAL_HEADER, approvals.map(approvalRow)),
      );
    });

  program
    .command('approval')
    .description('Show an approval with its payload.')
    .argument('<approval>', 'id of the approval')
    .action(async (id: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      const approval = await mesh.approvals.get(id);
      out.result(approval, () => approvalLines(approval));
    });

  program
    .command('approve')
    .description('Approve, with your vote.')
    .argument('<approval>', 'id of the approval')
    .option('-m, --comment <text>', 'comment for the requester')
    .action(async (id: string, { comment }: { comment?: string }, command: Command) => {
      const { mesh, out } = contextOf(command);
      const approval = await mesh.approvals.approve(id, comment);
      out.result(approval, () =>
        approval.status === 'pending'
          ? `Your vote counts: ${approval.votes} of ${approval.quorum}.`
          : `approval-${approval.id} is ${approval.status}.`,
      );
    });

  program
    .command('reject')
    .description('Reject. The requester receives the comment.')
    .argument('<approval>', 'id of the approval')
    .requiredOption('-m, --comment <text>', 'comment for the requester')
    .action(async (id: string, { comment }: { comment: string }, command: Command) => {
      const { mesh, out } = contextOf(command);
      const approval = await mesh.approvals.reject(id, comment);
      out.result(approval, () => `approval-${approval.id} is ${approval.status}.`);
    });

  program
    .command('delegate')
    .description('Let another role decide.')
    .argument('<approval>', 'id of the approval')
    .argument('<role>', 'the role that decides instead')
    .requiredOption('-m, --reason <text>', 'the reason')
    .action(async (id: string, role: string, { reason }: { reason: string }, command: Command) => {
      const { mesh, out } = contextOf(command);
      const approval = await mesh.approvals.delegate(id, { role, reason });
      out.result(
        approval,
        () => `approval-${approval.id} waits for ${cellText(approval.approver_role)}.`,
      );
    });
}
