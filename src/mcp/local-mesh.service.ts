import { Injectable, Logger } from '@nestjs/common';
import { type Mesh, type MeshAnswer, MeshProblem, type MeshRequest } from '../agent-mesh/mesh.js';
import { type OperationName, routeOf } from '../agent-mesh/operations.js';
import { Denials } from '../audit/denials.service.js';
import type { Agent } from '../auth/agent.js';
import { isRecord } from '../auth/is-record.js';
import { Environment } from '../config/environment.js';
import { problemOf } from '../errors/problem.js';
import { asDomainError } from '../errors/problem.filter.js';
import { InputPipe } from '../http/validation.pipe.js';
import { IdempotencyService, type Outcome } from '../idempotency/idempotency.service.js';
import { keyedRequest } from '../idempotency/keyed-request.js';
import { currentTraceId, withRequestContext } from '../observability/request-context.js';
import { ApprovalOperations } from './approval-operations.js';
import type { LocalCall, LocalOperation } from './local-operation.js';
import { SessionOperations } from './session-operations.js';
import { TaskOperations } from './task-operations.js';

/**
 * Carries operations out in this process as their routes do: with the same validation, policies, keys and refusals.
 * A key means the same request here and over HTTP.
 */
@Injectable()
export class LocalMesh {
  private readonly logger = new Logger(LocalMesh.name);
  private readonly operations: Record<OperationName, LocalOperation>;
  private readonly input: InputPipe;

  constructor(
    tasks: TaskOperations,
    sessions: SessionOperations,
    approvals: ApprovalOperations,
    private readonly idempotency: IdempotencyService,
    private readonly denials: Denials,
    environment: Environment,
  ) {
    this.input = new InputPipe(environment);
    this.operations = { ...tasks.all, ...sessions.all, ...approvals.all };
  }

  /** The mesh as one agent may use it. */
  of(agent: Agent): Mesh {
    return { call: (operation, request = {}) => this.call(agent, operation, request) };
  }

  private call(agent: Agent, operation: OperationName, request: MeshRequest): Promise<MeshAnswer> {
    // Each has a context of its own, as each request over HTTP has: what it brings about is kept there.
    const context = { traceId: request.trace_id ?? currentTraceId(), subject: agent.subject };
    return withRequestContext(context, async () => {
      try {
        return toAnswer(await this.carryOut(agent, operation, request));
      } catch (error) {
        throw await this.refusal(agent, operation, request, error);
      }
    });
  }

  private async carryOut(
    agent: Agent,
    name: OperationName,
    { id = '', body, query = {}, key, signal = new AbortController().signal }: MeshRequest,
  ): Promise<Outcome> {
    const operation = this.operations[name];
    const route = routeOf(name, id);
    const work = () => run(operation, { agent, id, body, query, gone: signal, input: this.input });
    const keyed = keyedRequest({ agent, rawKey: key, ...route, body, query });
    return keyed ? this.idempotency.once(keyed, work) : { ...(await work()), replayed: false };
  }

  private async refusal(
    agent: Agent,
    operation: OperationName,
    { id }: MeshRequest,
    error: unknown,
  ): Promise<MeshProblem> {
    const refused = asDomainError(error);
    if (refused.code === 'server.error')
      this.logger.error(error instanceof Error ? error.stack : String(error));
    await this.denials.note({ agent, ...routeOf(operation, id) }, refused);
    const { status, code, detail } = problemOf(refused.code, refused.detail);
    const { errors } = refused.extras;
    return new MeshProblem({ status, code, detail, ...(errors && { errors }) });
  }
}

async function run(operation: LocalOperation, call: LocalCall) {
  const value = await operation.run(call);
  return value === null
    ? { status: 204, body: '' }
    : { status: operation.status, body: JSON.stringify(value) };
}

function toAnswer({ status, body, replayed }: Outcome): MeshAnswer {
  const json: unknown = body === '' ? {} : JSON.parse(body);
  return { status, body: isRecord(json) ? json : {}, replayed };
}
