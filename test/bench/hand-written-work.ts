/**
 * The work of the hand-written servers, the same for Express and Fastify: each route in a few lines of pg, with the same
 * durable work on the same tables as in the controller. Keys are kept in Redis the usual way. What the controller promises
 * beyond that (keys that survive a crash, refusals on the audit trail, expiry, metrics, a log line a request) it does not do.
 */
import { createPublicKey, randomUUID, type JsonWebKey, type KeyObject } from 'node:crypto';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import pg from 'pg';
import { v7 as newId } from 'uuid';

const { DATABASE_URL, REDIS_URL = '', OIDC_JWKS_URL = '' } = process.env;
const { OIDC_ISSUER_URL: issuer, OIDC_AUDIENCE: audience } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const redis = new Redis(REDIS_URL);
const keys = await readKeys();

export interface Caller {
  subject: string;
  roles: string[];
}

/** A request, as both frameworks read it. */
export interface Call {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
}

type Row = Record<string, unknown>;

export interface Made {
  status: number;
  body: unknown;
}

export type Handler = (call: Call, caller: Caller) => Promise<Made>;

export async function route({ body }: Call, { subject, roles }: Caller): Promise<Made> {
  const { target, task, context = {} } = body as Row;
  const { task_type, description = '', data = {} } = (task ?? {}) as Row;
  if (!isText(target, 50) || !isText(task_type, 50) || !isText(description, 10_000)) {
    return { status: 400, body: { error: 'invalid input' } };
  }
  const [id, session, trace] = [newId(), newId(), newId()];
  const [role] = roles;
  await transaction(async (client) => {
    await client.query({
      name: 'task',
      text: `INSERT INTO tasks
               (id, task_type, description, from_role, to_role, data, context, trace_id, created_by, idempotency_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      values: [
        id,
        task_type,
        description,
        role,
        target,
        data,
        context,
        trace,
        subject,
        randomUUID(),
      ],
    });
    await client.query({
      name: 'attempt',
      text: `INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
             VALUES ($1, $2, $3, 'pending', $4, $5, 1, 2)`,
      values: [session, target, id, trace, subject],
    });
    const about = { to_role: target, task_type };
    await record(client, { type: 'task_routed', role, subject, trace, task: id, session, about });
  });
  return { status: 202, body: { task_id: `task-${id}`, status: 'accepted', trace_id: trace } };
}

export async function claim({ body }: Call, { subject, roles }: Caller): Promise<Made> {
  const { role } = body as Row;
  if (!isText(role, 50) || !roles.includes(role)) return { status: 403, body: { error: 'role' } };
  return transaction(async (client) => {
    const { rows } = await client.query<Row>({
      name: 'claim',
      text: `UPDATE sessions SET status = 'active', claimed_by = $2, version = version + 1, updated_at = now(),
                    lease_expires_at = now() + interval '1 minute'
              WHERE id = (SELECT id FROM sessions
                           WHERE role = $1 AND attempt IS NOT NULL AND status = 'pending'
                           ORDER BY -priority, coalesce(queued_at, created_at), id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING *`,
      values: [role, subject],
    });
    const [session] = rows;
    if (!session) return { status: 204, body: undefined };
    const { id, task_id: task, trace_id: trace } = session;
    const tasks = await client.query<Row>({
      name: 'task by id',
      text: 'SELECT * FROM tasks WHERE id = $1',
      values: [task],
    });
    const about = { from: 'pending', to: 'active' };
    await record(client, { type: 'task_claimed', role, subject, trace, task, session: id, about });
    return { status: 200, body: { task: tasks.rows[0], session } };
  });
}

export async function transition({ params, body }: Call, caller: Caller): Promise<Made> {
  const { status } = body as Row;
  const from = status === 'active' ? 'pending' : 'active';
  if (status !== 'active' && status !== 'completed')
    return { status: 400, body: { error: 'status' } };
  const { subject, roles } = caller;
  return transaction(async (client) => {
    const { rows } = await client.query<Row>({
      name: 'transition',
      text: `UPDATE sessions SET status = $2::text, claimed_by = coalesce(claimed_by, $4), version = version + 1,
                    updated_at = now(), ended_reason = CASE WHEN $2 = 'completed' THEN 'completed' END
              WHERE id = $1 AND status = $3 AND role = ANY($5) AND coalesce(claimed_by, $4) = $4
             RETURNING *`,
      values: [params['id'], status, from, subject, roles],
    });
    const [session] = rows;
    if (!session) return { status: 409, body: { error: 'conflict' } };
    const { id, role, task_id: task, trace_id: trace } = session;
    const about = { from, to: status };
    const type = 'session_transitioned';
    await record(client, { type, role, subject, trace, task, session: id, about });
    return { status: 200, body: session };
  });
}

function record(client: pg.PoolClient, event: Row): Promise<unknown> {
  const { type, role, subject, trace, task, session, about } = event;
  return client.query({
    name: 'event',
    text: `INSERT INTO audit_events (id, event_type, role, actor, trace_id, task_id, session_id, metadata)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [newId(), type, role, subject, trace, task, session, about],
  });
}

async function transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** `SET NX EX` before the work, the answer after it. The body of a replay is the text that was kept. */
export async function once(
  handler: Handler,
  call: Call,
  caller: Caller,
  key: string | undefined,
): Promise<Made> {
  if (key === undefined) return handler(call, caller);
  const name = `hand-written:${caller.subject}:${key}`;
  if ((await redis.set(name, '', 'EX', 86_400, 'NX')) === null) {
    const saved = await redis.get(name);
    if (saved) return { status: 200, body: saved };
    return { status: 409, body: { error: 'in progress' } };
  }
  const { status, body } = await handler(call, caller);
  const text = JSON.stringify(body);
  await redis.set(name, text, 'EX', 86_400);
  return { status, body: text };
}

export async function getSession({ params }: Call, { roles }: Caller): Promise<Made> {
  const { rows } = await pool.query<Row>({
    name: 'session',
    text: `SELECT s.* FROM sessions s LEFT JOIN tasks t ON t.id = s.task_id
            WHERE s.id = $1 AND (s.role = ANY($2) OR t.from_role = ANY($2))`,
    values: [params['id'], roles],
  });
  return rows[0] ? { status: 200, body: rows[0] } : { status: 404, body: { error: 'not found' } };
}

export async function inbox({ query }: Call, { roles }: Caller): Promise<Made> {
  const { rows } = await pool.query<Row>({
    name: 'inbox',
    text: `SELECT t.*, s.id AS session_id, s.status FROM sessions s JOIN tasks t ON t.id = s.task_id
            WHERE s.role = $1 AND s.role = ANY($2) AND s.attempt IS NOT NULL AND s.status = 'pending'
            ORDER BY -s.priority, coalesce(s.queued_at, s.created_at), s.id LIMIT 20`,
    values: [query['to_role'], roles],
  });
  return { status: 200, body: { tasks: rows } };
}

/** @throws JsonWebTokenError */
export function callerOf(header: string): Caller {
  const token = header.slice('Bearer '.length);
  const kid = jwt.decode(token, { complete: true })?.header.kid;
  const key = keys.get(kid ?? '');
  if (!key) throw new jwt.JsonWebTokenError('unknown key');
  const claims = jwt.verify(token, key, { algorithms: ['RS256'], issuer, audience });
  if (typeof claims === 'string') throw new jwt.JsonWebTokenError('no claims');
  const { roles } = (claims as { realm_access: { roles: string[] } }).realm_access;
  return { subject: `${claims.iss ?? ''}#${claims.sub ?? ''}`, roles };
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most;
}

async function readKeys(): Promise<Map<string, KeyObject>> {
  const set = (await (await fetch(OIDC_JWKS_URL)).json()) as {
    keys: (JsonWebKey & { kid: string })[];
  };
  return new Map(set.keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
}

/** The status of an error: 401 for a bad token. */
export function statusOf(error: unknown): number {
  return error instanceof jwt.JsonWebTokenError ? 401 : 500;
}
