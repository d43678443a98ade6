import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../../src/app.module.js';
import { type Action, POLICY, type Relation, type Rule } from '../../../src/auth/policy.js';
import { parseEnvironment } from '../../../src/config/parse-environment.js';
import { routesOf } from '../../support/policy-routes.js';

const PAGE = readFileSync('docs/authentication.md', 'utf8');

/** The part of the page that this test generates. */
const [, GENERATED = ''] = /<!-- policy -->\n\n([^]*?)\n\n<!-- end -->/.exec(PAGE) ?? [];

const HEADINGS = ['request', 'action', 'routes', 'allowed for', '403 for'] as const;

interface Words {
  /** The request in the words of a reader. */
  readonly request: string;
  /** A condition beyond the policy, which the service checks. */
  readonly condition?: string;
  /** Callers that receive 403, where the policy does not list them. */
  readonly refused?: string;
}

/** The words beside the data. A new action of the policy needs an entry here. */
const ACTIONS: Record<Action, Words> = {
  'status.read': { request: 'Read status and health' },
  'metrics.read': { request: 'Read metrics', refused: 'every other caller' },
  'me.read': { request: 'Read your own identity' },
  'overview.read': {
    request: 'Read the numbers of tasks and approvals',
    condition: 'which receives those of what it can read',
  },
  'sessions.create': { request: 'Create a session', condition: 'for a role that it holds' },
  'sessions.list': { request: 'List sessions', condition: 'which receives those that it can read' },
  'sessions.read': { request: 'Read a session' },
  'sessions.write': {
    request: 'Change a session, extend its lease, release it',
    condition:
      'after a claim, only the `claimant` and an `admin` can change more than the metadata',
  },
  'tasks.route': { request: 'Route a task', condition: 'from a role that it holds' },
  'tasks.list': { request: 'List tasks', condition: 'which receives those that it can read' },
  'tasks.read': { request: 'Read a task, its subtasks and its timeline' },
  'tasks.claim_next': { request: 'Claim the next task', condition: 'for a role that it holds' },
  'tasks.claim': { request: 'Claim one task' },
  'tasks.control': { request: 'Cancel or retry a task' },
  'tasks.control_many': {
    request: 'Cancel or retry the tasks of a filter',
    condition: 'for tasks that its roles requested; an `admin` for all',
  },
  'tasks.wait': { request: 'Wait for a task', condition: 'for a role that it holds' },
  'roles.list': { request: 'Read the pauses of roles' },
  'roles.pause': { request: 'Pause or resume a role', refused: 'every other caller' },
  'approvals.create': { request: 'Request an approval' },
  'approvals.decide': {
    request: 'Approve or reject',
    condition: 'four eyes exclude some subjects',
  },
  'approvals.withdraw': { request: 'Withdraw an approval' },
  'approvals.resubmit': { request: 'Resubmit an approval' },
  'approvals.delegate': { request: 'Delegate a decision' },
  'approvals.recall': { request: 'Recall a delegated decision' },
  'approvals.reassign': { request: 'Reassign a decision' },
  'approvals.consume': {
    request: 'Consume an approval',
    condition: 'only the `claimant` while the task is claimed',
  },
  'approvals.list': {
    request: 'List approvals',
    condition: 'which receives those that it can read',
  },
  'approvals.read': { request: 'Read an approval' },
  'approvals.receipt': { request: 'Get the receipt of an approval' },
  'audit.ingest': { request: 'Report an event', condition: 'under its own subject' },
  'audit.list': {
    request: 'Read the audit log',
    condition: 'which receives events of tasks that it can read, and its own reports',
  },
  'audit.log': {
    request: 'Read the head, tiles and proofs of the sealed log',
    condition: 'and everyone, if `AUDIT_LOG_PUBLIC` is set',
  },
  'audit.entries': { request: 'Read entries of the sealed log', refused: 'every other caller' },
  'audit.keys': { request: 'Read the public keys of the sealed log' },
  'events.list': {
    request: 'Read the event log',
    condition: 'which receives events of tasks that it can read, and its own reports',
  },
  'webhooks.manage': { request: 'Manage webhooks', refused: 'every other caller' },
  'idempotency.read': { request: 'Read executed requests', condition: 'for its own requests' },
  'mcp.call': { request: 'Call an MCP tool', condition: 'if the action of the tool is allowed' },
  'mcp.discover': { request: 'Read the protected-resource metadata (RFC 9728)' },
  'a2a.call': {
    request: 'Call an A2A agent',
    condition: 'if the action of the operation is allowed',
  },
  'a2a.discover': { request: 'Read an agent card' },
};

describe('docs/authentication.md', () => {
  let table: string;

  beforeAll(async () => {
    const module = AppModule.forRoot(
      parseEnvironment({ A2A_ROLES: 'manager' }),
      'postgres://no-database',
    );
    const app = await NestFactory.create(module, { preview: true, logger: false });
    const routes = routesOf(app);
    const actions = Object.keys(POLICY) as Action[];
    table = tableOf(
      actions.map((action) =>
        rowOf(
          action,
          routes.filter(({ policy }) => policy?.actions.includes(action)),
        ),
      ),
    );
  });

  it('contains the policy table: otherwise replace it with the one that this test prints', () => {
    if (GENERATED !== table) throw new Error(`The policy table must be:\n\n${table}\n`);
    expect(GENERATED.split('\n')).toHaveLength(Object.keys(POLICY).length + 2);
  });

  it('defines each relation of the policy', () => {
    const [, section = ''] = /\n### Relations\n([^]*?)(?=\n##)/.exec(PAGE) ?? [];
    const defined = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const rules: Rule[] = Object.values(POLICY);
    const used = rules.flatMap((rule) => (typeof rule === 'string' ? [] : rule.allow));

    expect(defined.sort()).toEqual([...new Set<string>(used)].sort());
  });
});

function rowOf(action: Action, routes: readonly { readonly name: string }[]): string[] {
  const { request, condition, refused } = ACTIONS[action];
  const rule: Rule = POLICY[action];
  const hidden = typeof rule === 'string' ? [] : rule.visibleTo;
  const allowed = typeof rule === 'string' ? [] : rule.allow;
  return [
    request,
    code(action),
    routes.map(({ name }) => code(name.replaceAll(/[:*](\w+)/g, '{$1}'))).join(', '),
    [allowedFor(rule), ...(condition === undefined ? [] : [condition])].join(
      typeof rule === 'string' ? ', ' : '; ',
    ),
    refused ?? listOf(hidden.filter((relation) => !allowed.includes(relation))),
  ];
}

function allowedFor(rule: Rule): string {
  if (rule === 'public') return 'everyone, without a token';
  if (rule === 'agent') return 'every caller';
  return listOf(rule.allow);
}

function listOf(relations: readonly Relation[]): string {
  return relations.length === 0 ? '–' : relations.map(code).join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A table in the format of Prettier. */
function tableOf(rows: readonly string[][]): string {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...[[...HEADINGS], ...rows].map((row) => (row[column] ?? '').length)),
  );
  const lineOf = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    lineOf(HEADINGS),
    lineOf(widths.map((width) => '-'.repeat(width))),
    ...rows.map(lineOf),
  ].join('\n');
}
