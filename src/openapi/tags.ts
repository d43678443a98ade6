import type { DocumentBuilder } from '@nestjs/swagger';

interface Tag {
  name: string;
  description: string;
  /** A standard or guide that the operations follow. */
  docs?: readonly [description: string, url: string];
}

/** The tags in the order of a workflow, each with an introduction. */
const TAGS: readonly Tag[] = [
  {
    name: 'Identity',
    description:
      'Read the subject and the roles of your token. Each operation acts for one role: the one that the request names, otherwise the default acting role.',
    docs: ['RFC 6750: bearer tokens', 'https://www.rfc-editor.org/rfc/rfc6750'],
  },
  {
    name: 'Tasks',
    description:
      'A task is work that one role asks of another. Route it (`POST /tasks/route`) and follow it (`GET /tasks/{id}`), or claim it (`POST /tasks/claim`) and work on it. Each try at a task is a numbered attempt: a session with a lease. The status of the task is that of its latest attempt.',
  },
  {
    name: 'Roles',
    description:
      'Pause a role, so that no agent claims its tasks, and resume it. Use it for maintenance. Requires the role `admin`.',
  },
  {
    name: 'Sessions',
    description:
      'A session is one run of an agent: `pending`, `active`, then `completed`, `failed` or `expired`. The claim of a task returns one. Extend its lease with heartbeats, end it with a result or an error, or release its task.',
  },
  {
    name: 'Approvals',
    description:
      'An approval is a decision that one role requests from another about a task. Request it (`POST /approvals`), decide it (`POST /approvals/{id}/decision`), and consume it once (`POST /approvals/{id}/consume`) before the action that it permits. The four-eyes principle excludes the requester and the router of the task.',
  },
  {
    name: 'Audit',
    description:
      'The audit log has one event for each change, with actor, role and trace. It cannot be changed. Read it page by page, or export it as lines of JSON.',
    docs: ['NDJSON: lines of JSON', 'https://github.com/ndjson/ndjson-spec'],
  },
  {
    name: 'Events',
    description:
      'Follow the audit log as it grows: page by page, by waiting, or as a stream. Events have positions without gaps, so a reader that continues at its cursor misses none.',
    docs: ['CloudEvents 1.0', 'https://cloudevents.io'],
  },
  {
    name: 'Webhooks',
    description:
      'Receive events at your own endpoint, signed, in order for each task, and at least once. Requires the role `admin`.',
    docs: ['Standard Webhooks 1.0.0', 'https://www.standardwebhooks.com'],
  },
  {
    name: 'Idempotency',
    description:
      'A `POST` or `PUT` with an `Idempotency-Key` is executed once, however often it is sent. These operations return the outcome of such requests.',
    docs: [
      'The header Idempotency-Key (IETF draft)',
      'https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/',
    ],
  },
  {
    name: 'MCP',
    description:
      'Use the same operations as tools of the Model Context Protocol. An MCP client finds the authorization server by the protected-resource metadata.',
    docs: ['Model Context Protocol', 'https://modelcontextprotocol.io'],
  },
  {
    name: 'Health',
    description:
      'Monitor the service: probes for orchestrators and load balancers, which need no token, and metrics for Prometheus.',
    docs: [
      'Prometheus text format',
      'https://prometheus.io/docs/instrumenting/exposition_formats/',
    ],
  },
];

export function addTags(builder: DocumentBuilder): void {
  for (const { name, description, docs } of TAGS) {
    const [label, url] = docs ?? [];
    builder.addTag(
      name,
      description,
      url === undefined ? undefined : { description: label ?? '', url },
    );
  }
}
