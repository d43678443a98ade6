import { beforeAll } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client as SdkClient,
  ClientFactory,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import { newDatabase, newSubject, startTestApp, type TestApp, tokenFor } from './app.js';
import { Client } from './client.js';
import { closeAfterFolder } from './kit.js';
import { dropTestDatabase } from './postgres.js';

/** As `Retry-After` of a 503. */
const RETRY_MS = 1_000;

export const BINDINGS = ['jsonrpc', 'rest'] as const;
export type Binding = (typeof BINDINGS)[number];

type Json = Record<string, unknown>;

/** The operations of the protocol, with their routes in HTTP+JSON. */
const ROUTES: Readonly<Record<string, readonly [method: string, path: string]>> = {
  SendMessage: ['POST', '/message:send'],
  SendStreamingMessage: ['POST', '/message:stream'],
  GetTask: ['GET', '/tasks/{id}'],
  ListTasks: ['GET', '/tasks'],
  CancelTask: ['POST', '/tasks/{id}:cancel'],
  SubscribeToTask: ['POST', '/tasks/{id}:subscribe'],
  CreateTaskPushNotificationConfig: ['POST', '/tasks/{taskId}/pushNotificationConfigs'],
  GetTaskPushNotificationConfig: ['GET', '/tasks/{taskId}/pushNotificationConfigs/{id}'],
  ListTaskPushNotificationConfigs: ['GET', '/tasks/{taskId}/pushNotificationConfigs'],
  DeleteTaskPushNotificationConfig: ['DELETE', '/tasks/{taskId}/pushNotificationConfigs/{id}'],
  GetExtendedAgentCard: ['GET', '/extendedAgentCard'],
};

export interface A2aTask {
  id: string;
  contextId: string;
  status: { state: string; timestamp: string; message?: A2aMessage };
  artifacts?: { artifactId: string; parts: { data?: unknown }[] }[];
  history?: A2aMessage[];
  metadata?: Json;
}

export interface A2aMessage {
  messageId: string;
  role: string;
  parts: { text?: string; data?: unknown }[];
  contextId?: string;
  taskId?: string;
}

interface ErrorInfo {
  reason?: string;
  domain?: string;
}

/** The response of an operation, in either binding. */
export interface A2aAnswer {
  /** HTTP status. */
  status: number;
  headers: Headers;
  result: Json;
  error?: {
    code: number;
    message: string;
    reason?: string | undefined;
    domain?: string | undefined;
  };
  /** The body as it was sent. */
  body: Json;
}

/** One update of a stream. */
export type StreamUpdate = Json & {
  task?: A2aTask;
  statusUpdate?: { taskId: string; status: A2aTask['status'] };
  artifactUpdate?: { taskId: string; artifact: { parts: { data?: unknown }[] } };
};

export interface A2aRequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A caller of an A2A agent in one of the bindings, without the SDK. */
export class A2aAgent {
  readonly token: string;

  /** @param role the agent */
  constructor(
    private readonly url: string,
    private readonly role: string,
    private readonly binding: Binding,
    roles: string | readonly string[],
    sub = newSubject('agent'),
  ) {
    this.token = tokenFor(roles, sub);
  }

  /** The same subject as a caller of the REST API. */
  get client(): Client {
    return new Client(this.url, this.token);
  }

  /** The same caller in the other binding, or of another controller. */
  as(binding: Binding, url = this.url): A2aAgent {
    const other = Object.create(A2aAgent.prototype) as A2aAgent;
    return Object.assign(other, { url, role: this.role, binding, token: this.token });
  }

  async call(
    operation: string,
    parameters: Json,
    options: A2aRequestOptions = {},
  ): Promise<A2aAnswer> {
    const response = await this.open(operation, parameters, options);
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Json;
    return {
      status: response.status,
      headers: response.headers,
      body,
      result: (this.binding === 'rest' ? body : (body.result ?? {})) as Json,
      ...(body.error !== undefined && { error: errorOf(body.error as Json) }),
    };
  }

  /** The task of a response. */
  async task(
    operation: string,
    parameters: Json,
    options: A2aRequestOptions = {},
  ): Promise<A2aTask> {
    const { result, error } = await this.call(operation, parameters, options);
    // What a caller does on a busy machine.
    if (error?.reason === 'DATABASE_UNAVAILABLE') return this.task(operation, parameters, options);
    if (error) throw new Error(`${operation}: ${JSON.stringify(error)}`);
    return (result.task ?? result) as unknown as A2aTask;
  }

  /** Sends a message without waiting for the end of its task. */
  send(text: string, more: Json = {}): Promise<A2aTask> {
    const configuration = { returnImmediately: true };
    return this.task('SendMessage', { message: message(text, more), configuration });
  }

  /** The updates of a stream. */
  async *stream(
    operation: string,
    parameters: Json,
    options: A2aRequestOptions = {},
    isRepeated = false,
  ): AsyncGenerator<StreamUpdate, void, undefined> {
    const response = await this.open(operation, parameters, options);
    if (response.headers.get('content-type') !== 'text/event-stream' || !response.body) {
      const answer = await response.text();
      // A crowd on a busy machine can be refused once.
      if (isRepeated || !answer.includes('"DATABASE_UNAVAILABLE"'))
        throw new Error(`${operation}: ${response.status} ${answer}`);
      await sleep(RETRY_MS);
      yield* this.stream(operation, parameters, options, true);
      return;
    }
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const [, data] = /^data: ?(.*)$/m.exec(frame) ?? [];
        if (data === undefined) continue;
        const json = JSON.parse(data) as Json;
        yield (this.binding === 'rest' ? json : json.result) as StreamUpdate;
      }
    }
  }

  open(
    operation: string,
    parameters: Json,
    { headers = {}, signal }: A2aRequestOptions = {},
  ): Promise<Response> {
    const { method, path, body } =
      this.binding === 'rest'
        ? restRequest(operation, parameters)
        : rpcRequest(operation, parameters);
    return fetch(`${this.url}/a2a/${this.role}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        'a2a-version': '1.0',
        ...(body !== undefined && {
          'content-type': this.binding === 'rest' ? 'application/a2a+json' : 'application/json',
        }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  }
}

interface HttpRequest {
  method: string;
  path: string;
  body?: Json;
}

function rpcRequest(method: string, params: Json): HttpRequest {
  return { method: 'POST', path: '', body: { jsonrpc: '2.0', id: 1, method, params } };
}

function restRequest(operation: string, parameters: Json): HttpRequest {
  const [method, route] = ROUTES[operation] ?? ['GET', `/${operation}`];
  const rest = { ...parameters };
  const path = route.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name];
    Reflect.deleteProperty(rest, name);
    return encodeURIComponent(String(value));
  });
  if (method === 'POST') return { method, path: `/v1${path}`, body: rest };
  const query = new URLSearchParams(
    Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return { method, path: `/v1${path}${query && `?${query}`}` };
}

function errorOf({ code, message: text, data, details }: Json): NonNullable<A2aAnswer['error']> {
  const [info] = (data ?? details ?? []) as ErrorInfo[];
  return { code: Number(code), message: String(text), reason: info?.reason, domain: info?.domain };
}

/** A message of the user with one text part. */
export function message(text: string, more: Json = {}): Json {
  return { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }], ...more };
}

/** A client of the SDK, which finds the agent by its card. */
export function sdkClient(
  url: string,
  role: string,
  token: string,
  binding: Binding,
): Promise<SdkClient> {
  const fetchImpl: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
  const factory = new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl }),
      new RestTransportFactory({ fetchImpl }),
    ],
    preferredTransports: [binding === 'rest' ? 'HTTP+JSON' : 'JSONRPC'],
  });
  return factory.createFromUrl(`${url}/a2a/${role}/`);
}

/** The roles that are A2A agents in the shared applications. */
const SHARED_ROLES = 'manager,legal,lister';

let shared: Promise<readonly [TestApp, TestApp]> | undefined;

/** Two applications with A2A agents on one database, which the specs of a folder share. */
export class A2aMesh {
  private started?: readonly [TestApp, TestApp];

  /** It waits 30 s for the end of a task. */
  get one(): TestApp {
    return this.apps[0];
  }

  /** It waits one second for the end of a task. */
  get other(): TestApp {
    return this.apps[1];
  }

  async start(): Promise<void> {
    shared ??= startShared();
    this.started = await shared;
  }

  /** A caller of an agent of the first application. */
  caller(
    binding: Binding,
    roles: string | readonly string[] = 'finance',
    role = 'manager',
  ): A2aAgent {
    return new A2aAgent(this.one.url, role, binding, roles);
  }

  /** Claims a task on the second application. */
  async claim(id: string, role = 'manager'): Promise<{ worker: Client; session: string }> {
    const worker = this.other.agent(role);
    const { status, body, text } = await worker.post<{ session: { id: string } }>(
      `/tasks/${id}/claim`,
      {},
    );
    if (status !== 200) throw new Error(`not claimed: ${text}`);
    return { worker, session: body.session.id };
  }

  private get apps(): readonly [TestApp, TestApp] {
    if (!this.started) throw new Error('The applications start in beforeAll.');
    return this.started;
  }
}

/** Starts the shared applications before the first test. */
export function useA2aMesh(): A2aMesh {
  const mesh = new A2aMesh();
  beforeAll(() => mesh.start());
  return mesh;
}

async function startShared(): Promise<readonly [TestApp, TestApp]> {
  const databaseUrl = await newDatabase();
  const start = (seconds: string): Promise<TestApp> =>
    startTestApp({
      databaseUrl,
      env: { A2A_ROLES: SHARED_ROLES, A2A_BLOCKING_SECONDS: seconds },
    });
  const apps = await Promise.all([start('30'), start('1')]);
  closeAfterFolder(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await dropTestDatabase(databaseUrl);
  });
  return apps;
}
