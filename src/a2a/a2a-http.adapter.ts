import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Counter } from 'prom-client';
import { AccessDenialsService } from '../audit/access-denials.service.js';
import type { Agent } from '../auth/agent.js';
import { stackOf } from '../errors/error-text.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { limitsReader } from '../http/reader-limit.js';
import { MetricsService } from '../observability/metrics.service.js';
import { requestContext } from '../observability/request-context.js';
import { A2aCaller } from './a2a-caller.js';
import { A2aRefusal, type Binding, toFailure, writeFailure } from './a2a-failure.js';
import {
  A2A_VERSION,
  assertVersion,
  parseEnvelope,
  requestIdOf,
  restOperationOf,
  restParametersOf,
} from './a2a-input.js';
import { assertParameters, isOperation, type Operation } from './a2a-parameters.js';
import { AgentHandlers, noSuchOperation } from './agent-handlers.js';
import { AgentServicesService } from './agent-services.service.js';

/** Milliseconds between comments that keep the connection of a stream open. */
const KEEP_ALIVE_MS = 15_000;
/** Bytes of a stream that wait for a client that does not read. */
const MAX_WAITING = 2 ** 20;
const STREAMING: ReadonlySet<Operation> = new Set(['SendStreamingMessage', 'SubscribeToTask']);
const OK = 'ok';
/** The operation of a request that names none of the protocol. */
const NONE = 'none';

/** A request to an agent, in one of the bindings. */
export interface A2aRequest {
  readonly agent: Agent;
  readonly role: string;
  readonly publicUrl: string;
  readonly binding: Binding;
  /** The path below the URL of the interface. */
  readonly path: string;
}

/** A2A over HTTP, in both bindings. */
@Injectable()
export class A2aHttpAdapter {
  private readonly logger = new Logger('A2A');
  private readonly handlers: AgentHandlers;
  private readonly operations: Counter<'binding' | 'operation' | 'outcome'>;

  constructor(
    services: AgentServicesService,
    private readonly accessDenials: AccessDenialsService,
    { registry }: MetricsService,
  ) {
    this.handlers = new AgentHandlers(services);
    this.operations = new Counter({
      name: 'mesh_a2a_requests_total',
      help: 'Requests to A2A agents, by binding, operation (none: not one of the protocol) and outcome: ok, or the code of the error.',
      labelNames: ['binding', 'operation', 'outcome'],
      registers: [registry],
    });
  }

  async respond(
    { agent, role, publicUrl, binding, path }: A2aRequest,
    request: Request,
    response: Response,
  ): Promise<void> {
    const started = performance.now();
    const gone = abortOnClose(response);
    const isSlow = (): boolean => response.writableLength > MAX_WAITING;
    const caller = new A2aCaller(agent, publicUrl, gone, isSlow);
    let operation: Operation | undefined;
    const keepAlive = keepStreamOpen(response);
    this.reportFailures(binding, request, response, caller);
    try {
      assertVersion(request.headers[A2A_VERSION]);
      // The SDK compares the whole text, but patch versions do not count.
      request.headers[A2A_VERSION] = '1.0';
      operation = operationOf(binding, path, request);
      const parameters = parametersOf(binding, operation, path, request);
      assertParameters(operation, parameters);
      if (STREAMING.has(operation)) limitsReader(response);
      const search = /\?.*$/s.exec(request.url)?.[0] ?? '';
      await this.handlers.handle(role, request, response, {
        binding,
        url: `${path === '' ? '/' : path}${search}`,
        caller,
        operation,
        parameters,
      });
    } catch (error) {
      caller.failure = error;
      if (!response.headersSent) this.write(binding, request, response, error);
    } finally {
      clearInterval(keepAlive);
    }
    await this.note({ agent, binding, operation, caller, started }, request);
  }

  /** Sends the errors of operations in place of those that the SDK makes of them, with their status and headers. */
  private reportFailures(
    binding: Binding,
    request: Request,
    response: Response,
    caller: A2aCaller,
  ): void {
    const json = response.json.bind(response);
    response.json = (body: unknown) => {
      if (caller.failure === undefined) return json(body);
      this.write(binding, request, response, caller.failure);
      return response;
    };
  }

  private write(binding: Binding, request: Request, response: Response, error: unknown): void {
    const id = requestIdOf(request.body);
    writeFailure(response, { binding, id }, toFailure(error));
  }

  private async note(
    {
      agent,
      binding,
      operation,
      caller: { failure },
      started,
    }: {
      agent: Agent;
      binding: Binding;
      operation: Operation | undefined;
      caller: A2aCaller;
      started: number;
    },
    { method, originalUrl }: Request,
  ): Promise<void> {
    const [path = ''] = originalUrl.split('?');
    const outcome = failure === undefined ? OK : toFailure(failure).outcome;
    this.operations.inc({ binding, operation: operation ?? NONE, outcome });
    const context = requestContext();
    this.logger.log({
      operation,
      binding,
      outcome,
      ms: Math.round(performance.now() - started),
      subject: context?.subject,
      trace_id: context?.traceId,
    });
    if (failure === undefined) return;
    if (outcome === 'server.error') this.logger.error(stackOf(failure));
    await this.accessDenials.record({ agent, method, path }, failure);
  }
}

/** @throws A2aRefusal or DomainError if a request is no operation */
function operationOf(binding: Binding, path: string, { method, body }: Request): Operation {
  if (binding === 'rest') {
    const operation = restOperationOf(method, path);
    if (operation === undefined) throw noSuchOperation();
    return operation;
  }
  const envelope = parseEnvelope(body);
  if (isOperation(envelope.method)) return envelope.method;
  throw new A2aRefusal(
    'method',
    'The protocol has no such method. Methods have names such as SendMessage.',
  );
}

function parametersOf(
  binding: Binding,
  operation: Operation,
  path: string,
  request: Request,
): unknown {
  if (binding === 'rest') return restParametersOf(operation, path, request);
  const { params } = parseEnvelope(request.body);
  return operation === 'GetExtendedAgentCard' ? (params ?? {}) : params;
}

/**
 * Keeps the connection of a stream open with comments. A stream of which the client read nothing since the last comment is
 * ended.
 */
function keepStreamOpen(response: Response): NodeJS.Timeout {
  let unread = 0;
  return setInterval(() => {
    const type = response.getHeader('content-type');
    const isStream = typeof type === 'string' && type.startsWith('text/event-stream');
    if (!isStream || !response.headersSent || response.writableEnded) return;
    if (unread > 0 && response.writableLength >= unread) {
      response.destroy();
      return;
    }
    unread = response.writableLength;
    response.write(': keep-alive\n\n');
  }, KEEP_ALIVE_MS).unref();
}
