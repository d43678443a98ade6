import { type Command, Option } from 'commander';
import type { Delivery, Webhook } from '@agent-mesh/client';
import { contextOf } from '../context.js';
import { given, list, wholeNumber } from '../input.js';
import { type Cell, fields, table, timeText } from '../output.js';

interface WebhookOptions {
  readonly endpoint?: string;
  readonly types?: string[];
  readonly onlyRole?: string;
  readonly task?: string;
  readonly description?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
}

export function addWebhookCommands(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .description('Manage the endpoints that receive events (role admin).');

  webhooks
    .command('list', { isDefault: true })
    .description('List the webhooks.')
    .action(async (_: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      const all = await mesh.webhooks.list();
      out.result({ webhooks: all }, () =>
        all.length === 0
          ? 'There are no webhooks.'
          : table(['WEBHOOK', 'STATUS', 'FAILURES', 'TYPES', 'URL'], all.map(webhookRow)),
      );
    });

  webhooks
    .command('get')
    .description('Show a webhook.')
    .argument('<webhook>', 'id of the webhook')
    .action(async (id: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      const webhook = await mesh.webhooks.get(id);
      out.result(webhook, () => webhookLines(webhook));
    });

  webhooks
    .command('create')
    .description('Create a webhook. Its secret is shown only now.')
    .argument('<url>', 'URL that receives the events')
    .option('--types <types>', 'types of events, separated by commas; * is all', list, ['*'])
    .option('--only-role <role>', 'only events that this role may read')
    .option('--task <task>', 'only events of this task')
    .option('--description <text>', 'text for people')
    .action(async (url: string, options: WebhookOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const { types = ['*'], onlyRole, task, description } = options;
      const members = given({ role: onlyRole, task_id: task, description });
      const webhook = await mesh.webhooks.create({ url, types, ...members });
      out.result(webhook, () => [...webhookLines(webhook), ...fields({ secret: webhook.secret })]);
    });

  webhooks
    .command('update')
    .description('Change a webhook.')
    .argument('<webhook>', 'id of the webhook')
    .option('--endpoint <url>', 'new URL that receives the events')
    .option('--types <types>', 'new types, separated by commas', list)
    .option('--description <text>', 'new text for people')
    .addOption(new Option('--enable', 'send events again').conflicts('disable'))
    .option('--disable', 'send no events')
    .action(async (id: string, options: WebhookOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const { endpoint: url, types, description, enable, disable } = options;
      const status = enable ? 'enabled' : disable ? 'disabled' : undefined;
      const webhook = await mesh.webhooks.update(
        id,
        given({ url, types, description, status } as const),
      );
      out.result(webhook, () => webhookLines(webhook));
    });

  webhooks
    .command('delete')
    .description('Delete a webhook.')
    .argument('<webhook>', 'id of the webhook')
    .action(async (id: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      await mesh.webhooks.delete(id);
      out.result({ id, deleted: true }, () => `Deleted the webhook ${id}.`);
    });

  webhooks
    .command('rotate')
    .description('Replace the secret. The old one signs, too, for a while.')
    .argument('<webhook>', 'id of the webhook')
    .option('--overlap <seconds>', 'seconds during which the old secret signs, too', wholeNumber)
    .action(async (id: string, { overlap }: { overlap?: number }, command: Command) => {
      const { mesh, out } = contextOf(command);
      const webhook = await mesh.webhooks.rotate(id, given({ overlap_seconds: overlap }));
      out.result(webhook, () => fields({ secret: webhook.secret }));
    });

  webhooks
    .command('test')
    .description('Send a test event.')
    .argument('<webhook>', 'id of the webhook')
    .action(async (id: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      const sent = await mesh.webhooks.test(id);
      out.result(sent, () => `The test event is queued. See mesh webhooks deliveries ${id}.`);
    });

  webhooks
    .command('deliveries')
    .description('List the deliveries of a webhook, newest first.')
    .argument('<webhook>', 'id of the webhook')
    .addOption(new Option('--status <status>').choices(['pending', 'delivered', 'failed']))
    .option('--limit <n>', 'largest number of deliveries', wholeNumber, 20)
    .action(
      async (
        id: string,
        { status, limit }: { status?: Delivery['status']; limit: number },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const deliveries = await mesh.webhooks.deliveries(id, given({ status })).all(limit);
        out.result({ deliveries }, () =>
          deliveries.length === 0
            ? 'There are no such deliveries.'
            : table(
                ['POSITION', 'TYPE', 'STATUS', 'ATTEMPTS', 'CREATED'],
                deliveries.map(deliveryRow),
              ),
        );
      },
    );

  webhooks
    .command('redeliver')
    .description('Deliver one event again.')
    .argument('<webhook>', 'id of the webhook')
    .argument('<position>', 'position of the event')
    .action(async (id: string, position: string, _: object, command: Command) => {
      const { mesh, out } = contextOf(command);
      await mesh.webhooks.redeliver(id, position);
      out.result({ id, position }, () => `The event ${position} is queued again.`);
    });

  webhooks
    .command('replay')
    .description('Deliver earlier events again.')
    .argument('<webhook>', 'id of the webhook')
    .option('--after <cursor>', 'events after this cursor or position')
    .option('--since <time>', 'events from this time on (RFC 3339)')
    .option('--until <time>', 'events before this time (RFC 3339)')
    .option('--only-failed', 'only events whose delivery has failed')
    .action(
      async (
        id: string,
        options: { after?: string; since?: string; until?: string; onlyFailed?: boolean },
        command: Command,
      ) => {
        const { mesh, out } = contextOf(command);
        const { after, since, until, onlyFailed } = options;
        const range = given({ after, since, until, only_failed: onlyFailed });
        const replayed = await mesh.webhooks.replay(id, range);
        out.result(replayed, () => `${replayed.count} events are queued again.`);
      },
    );
}

function webhookRow({ id, status, failures, types, url }: Webhook): Cell[] {
  return [id, status, failures, types.join(','), url];
}

function webhookLines(webhook: Webhook): string[] {
  return fields({
    webhook: webhook.id,
    url: webhook.url,
    types: webhook.types.join(', '),
    'only role': webhook.role,
    task: webhook.task_id && `task-${webhook.task_id}`,
    description: webhook.description,
    status: webhook.status,
    failures: webhook.failures,
    'failing since': webhook.failing_since && timeText(webhook.failing_since),
    created: `${timeText(webhook.created_at)} by ${webhook.created_by}`,
  });
}

function deliveryRow({ position, type, status, attempts, created_at }: Delivery): Cell[] {
  return [position, type, status, attempts.length, timeText(created_at)];
}
