import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Matter } from '../../support/approvals.js';
import type { Answer, Client } from '../../support/client.js';
import { Team } from '../../support/work.js';
import { useSharedApp } from '../../support/kit.js';

type Json = Record<string, unknown>;

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  example?: unknown;
}

/** Creates a request that succeeds. */
interface Good {
  client: Client;
  path: string;
  body: Json;
}

interface Operation {
  key: string;
  method: string;
  path: string;
  schema: Schema;
}

interface Problem {
  errors?: { pointer: string }[];
}

const UNKNOWN = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';
const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;

const OPERATIONS: Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  (['post', 'put', 'patch'] as const).flatMap((verb) => {
    const body = item[verb]?.requestBody as
      { content: Record<string, { schema: Schema }> } | undefined;
    const schema = body?.content['application/json']?.schema;
    if (schema?.$ref === undefined) return [];
    const method = verb.toUpperCase();
    return [{ key: `${method} ${path}`, method, path, schema: resolved(schema) }];
  }),
);

/** The members of bodies, those of their members too: the names on the way, and whether the last one is required. */
const MEMBERS = OPERATIONS.flatMap((operation) =>
  membersOf(operation.schema).map(({ names, required }) => ({
    ...operation,
    names,
    required,
    pointer: `/${names.join('/')}`,
  })),
);

/** The objects of bodies whose members are described: the body itself, and those in it. */
const OBJECTS = OPERATIONS.flatMap((operation) => [
  { ...operation, pointer: '', names: [] as string[] },
  ...membersOf(operation.schema)
    .filter(({ schema }) => schema.properties)
    .map(({ names }) => ({ ...operation, pointer: `/${names.join('/')}`, names })),
]);

function resolved(schema: Schema): Schema {
  const [only] = schema.allOf ?? [];
  const name = (schema.$ref ?? only?.$ref)?.split('/').at(-1);
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? {});
}

function membersOf({ properties = {}, required = [] }: Schema): {
  names: string[];
  required: boolean;
  schema: Schema;
}[] {
  return Object.entries(properties).flatMap(([name, declared]) => {
    const schema = resolved(declared);
    return [
      { names: [name], required: required.includes(name), schema },
      ...membersOf(schema).map((inner) => ({ ...inner, names: [name, ...inner.names] })),
    ];
  });
}

/** The body with another value for a member; those that it is in are there then. */
function withMember(body: Json, [name = '', ...inner]: readonly string[], value: unknown): Json {
  if (inner.length === 0) return { ...body, [name]: value };
  return { ...body, [name]: withMember((body[name] ?? {}) as Json, inner, value) };
}

describe('members of request bodies', () => {
  const mesh = useSharedApp();

  const claimed = async (): Promise<Good & { id: string }> => {
    const team = new Team(mesh);
    await team.route();
    const client = team.worker();
    const { session } = await team.claim(client);
    return { client, path: `/sessions/${session.id}`, body: {}, id: session.id };
  };
  const ofTask = async (
    path: (id: string) => string,
    by: 'requester' | 'worker',
  ): Promise<Good> => {
    const team = new Team(mesh);
    const id = await team.route();
    return {
      client: by === 'requester' ? team.requester : team.worker(),
      path: path(id),
      body: {},
    };
  };
  const ofApproval = async (act: string, body: Json, by: 'requester' | 'board'): Promise<Good> => {
    const matter = await Matter.open(mesh);
    const path = `/approvals/${await matter.ask()}/${act}`;
    return {
      client: by === 'requester' ? matter.requester : matter.agent(matter.board),
      path,
      body,
    };
  };

  const GOOD: Record<string, (path: string) => Promise<Good>> = {
    'POST /audit/ingest': (path) => {
      const body = { source: 'test', category: 'policy', action: 'evaluated' };
      return Promise.resolve({ client: new Team(mesh).requester, path, body });
    },
    'POST /tasks/route': (path) => {
      const team = new Team(mesh);
      const body = {
        target: team.role,
        task: { task_type: 'review' },
        requires_approval: { role: 'legal' },
      };
      return Promise.resolve({ client: team.requester, path, body });
    },
    'POST /tasks/claim': () => ofTask(() => '/tasks/claim', 'worker'),
    'POST /tasks/{id}/claim': () => ofTask((id) => `/tasks/${id}/claim`, 'worker'),
    'POST /tasks/{id}/cancel': () => ofTask((id) => `/tasks/${id}/cancel`, 'requester'),
    'POST /tasks/{id}/retry': async () => {
      const good = await ofTask((id) => `/tasks/${id}/retry`, 'requester');
      await good.client.post(good.path.replace('retry', 'cancel'), {});
      return good;
    },
    'POST /approvals': async (path) => {
      const matter = await Matter.open(mesh);
      const body = { task_id: matter.task, approver_role: matter.board, reason: 'Over the limit' };
      return { client: matter.requester, path, body };
    },
    'POST /approvals/{id}/decision': () =>
      ofApproval('decision', { decision: 'approved', comments: 'Fine' }, 'board'),
    'POST /approvals/{id}/withdraw': () => ofApproval('withdraw', {}, 'requester'),
    'POST /approvals/{id}/delegate': () =>
      ofApproval('delegate', { role: 'legal', reason: 'A contract' }, 'board'),
    'POST /sessions': (path) => {
      const team = new Team(mesh);
      return Promise.resolve({ client: team.requester, path, body: { role: team.requesterRole } });
    },
    'PUT /sessions/{id}': async () => ({ ...(await claimed()), body: { status: 'completed' } }),
    'PUT /sessions/{id}/events': async () => {
      const good = await claimed();
      return { ...good, path: `${good.path}/events`, body: { event: 'complete' } };
    },
    'POST /sessions/{id}/heartbeat': async () => {
      const good = await claimed();
      return { ...good, path: `${good.path}/heartbeat` };
    },
    'POST /sessions/{id}/release': async () => {
      const good = await claimed();
      return { ...good, path: `${good.path}/release` };
    },
  };

  /** Of an operation that is not among the above a request about nothing that exists. */
  const good = ({ key, path, schema }: Operation): Promise<Good> =>
    GOOD[key]?.(path) ??
    Promise.resolve({
      client: new Team(mesh).requester,
      path: path.replace(/\{\w+\}/, UNKNOWN),
      body: Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([name]) => schema.required?.includes(name))
          .map(([name, { example }]) => [name, example]),
      ),
    });

  async function send(
    operation: Operation,
    change: (body: Json) => Json,
  ): Promise<Answer<Problem>> {
    const { client, path, body } = await good(operation);
    return client.call<Problem>(operation.method, path, { body: change(body) });
  }

  const optional = MEMBERS.filter(({ required }) => !required);
  const required = MEMBERS.filter((member) => member.required);

  it('cover every route', () => {
    expect(optional.length).toBeGreaterThan(40);
    expect(required.length).toBeGreaterThan(10);
  });

  it.each(optional)('$key $pointer: null has the status of an absent member', async (member) => {
    const [absent, nothing] = [
      await send(member, (body) => withMember(body, member.names, undefined)),
      await send(member, (body) => withMember(body, member.names, null)),
    ];

    expect(absent.status).toBeLessThan(500);
    expect(nothing.status).toBe(absent.status);
  });

  it.each(required)('$key $pointer: 400 with null', async (member) => {
    const answer = await send(member, (body) => withMember(body, member.names, null));

    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map(({ pointer }) => pointer)).toContain(member.pointer);
  });

  describe.each(OBJECTS)('$key $pointer', (object) => {
    const names = Object.getOwnPropertyNames(Object.prototype);

    // What v0.4 clients put into a task goes to its data.
    const isTask = object.key === 'POST /tasks/route' && object.pointer === '/task';
    it.each(isTask ? ['__proto__', 'constructor'] : names)(
      '400 with a member named %s',
      async (name) => {
        const { client, path, body } = await good(object);
        // Written as text, for an object that has a __proto__ is another object.
        const marked = JSON.stringify(withMember(body, [...object.names, '~'], 1));
        const answer = await client.call(object.method, path, {
          body: marked.replace('"~"', `"${name}"`),
        });

        expect(answer.status).toBe(400);
      },
    );
  });

  it('keep any name in JSON of the caller', async () => {
    const team = new Team(mesh);
    const odd = {
      toString: 1,
      valueOf: null,
      __defineGetter__: 'x',
      hasOwnProperty: { isPrototypeOf: [] },
    };

    const id = await team.route({ context: odd }, { data: odd, __lookupGetter__: 2 });
    expect((await team.worker().get(`/tasks/${id}`)).body).toMatchObject({
      context: odd,
      data: { ...odd, __lookupGetter__: 2 },
    });
  });

  it('have their defaults with null', async () => {
    const team = new Team(mesh);
    const requires_approval = { role: 'legal', quorum: null, expires_in_seconds: null };

    const id = await team.route({ requires_approval, max_attempts: null, context: null });
    expect((await team.worker().get(`/tasks/${id}`)).body).toMatchObject({
      requires_approval: { role: 'legal', quorum: 1, expires_in_seconds: 259_200 },
      max_attempts: 3,
      context: {},
    });
  });
});
