import { Injectable, Logger } from '@nestjs/common';
import {
  type MeshClient,
  type MeshResponse,
  MeshError,
  type MeshRequest,
} from '../tools/mesh-client.js';
import { type OperationName, OPERATIONS, requestLineOf } from '../tools/operations.js';
import { AccessDenialsService } from '../../audit/access-denials.service.js';
import type { Agent } from '../../auth/agent.js';
import { PolicyChecksService } from '../../auth/policy-checks.service.js';
import { RoutePoliciesService } from '../../auth/route-policies.service.js';
import { isRecord } from '../../common/is-record.js';
import { Environment } from '../../config/environment.js';
import { stackOf } from '../../errors/error-text.js';
import { problemOf } from '../../errors/problem.js';
import { asDomainError } from '../../errors/problem.filter.js';
import { InputPipe } from '../../http/input.pipe.js';
import { IdempotencyService, type KeyedResponse } from '../../idempotency/idempotency.service.js';
import { keyedRequest } from '../../idempotency/keyed-request.js';
import type { PauseNotice } from '../../roles/pause-notice.js';
import {
  currentTraceId,
  requestContext,
  withRequestContext,
} from '../../observability/request-context.js';
import { ApprovalOperationsService } from './approval-operations.service.js';
import { EventOperationsService } from './event-operations.service.js';
import { EmptyResult, type InProcessOperation } from './in-process-operation.js';
import { ReceiptOperationsService } from './receipt-operations.service.js';
import { SessionOperationsService } from './session-operations.service.js';
import { TaskOperationsService } from './task-operations.service.js';

/**
 * Executes operations in this process, with the validation, policies, idempotency and errors of their routes. An
 * idempotency key identifies the same request here and over HTTP.
 */
@Injectable()
export class InProcessMeshService {
  private readonly logger = new Logger(InProcessMeshService.name);
  private readonly operations: Record<OperationName, InProcessOperation>;
  private readonly input: InputPipe;

  constructor(
    tasks: TaskOperationsService,
    sessions: SessionOperationsService,
    approvals: ApprovalOperationsService,
    events: EventOperationsService,
    receipts: ReceiptOperationsService,
    private readonly idempotency: IdempotencyService,
    private readonly accessDenials: AccessDenialsService,
    private readonly routePolicies: RoutePoliciesService,
    private readonly policyChecks: PolicyChecksService,
    environment: Environment,
  ) {
    this.input = new InputPipe(environment);
    this.operations = {
      ...tasks.all,
      ...sessions.all,
      ...approvals.all,
      ...events.all,
      ...receipts.all,
    };
  }

  /** Returns a mesh that calls on behalf of an agent. */
  of(agent: Agent): MeshClient {
    return { call: (operation, request = {}) => this.call(agent, operation, request) };
  }

  private call(
    agent: Agent,
    operation: OperationName,
    request: MeshRequest,
  ): Promise<MeshResponse> {
    // As over HTTP, each operation has its own request context.
    const { requiredActions } = this.routePolicies.get(OPERATIONS[operation]);
    const context = {
      traceId: request.trace_id ?? currentTraceId(),
      traceparent: requestContext()?.traceparent,
      subject: agent.subject,
      ...(requiredActions && { requiredActions }),
    };
    return withRequestContext(context, async () => {
      try {
        return await this.execute(agent, operation, request);
      } catch (error) {
        throw await this.toMeshError(agent, operation, request, error);
      }
    });
  }

  private async execute(
    agent: Agent,
    name: OperationName,
    { id = '', body, query = {}, key, signal = new AbortController().signal }: MeshRequest,
  ): Promise<MeshResponse> {
    const operation = this.operations[name];
    const route = requestLineOf(name, id);
    const call = { agent, id, body, query, gone: signal, input: this.input };
    let pause: PauseNotice | null = null;
    const work = () =>
      this.policyChecks.run(name, async () => {
        const value = await operation.run(call);
        if (!(value instanceof EmptyResult))
          return { status: operation.status, body: JSON.stringify(value) };
        pause = value.pause;
        return { status: 204, body: '' };
      });
    const keyed = keyedRequest({ agent, rawKey: key, ...route, body, query });
    const response = keyed
      ? await this.idempotency.execute(keyed, work)
      : { ...(await work()), replayed: false };
    return toMeshResponse(response, pause);
  }

  private async toMeshError(
    agent: Agent,
    operation: OperationName,
    { id }: MeshRequest,
    error: unknown,
  ): Promise<MeshError> {
    const refused = asDomainError(error);
    if (refused.code === 'server.error') this.logger.error(stackOf(error));
    await this.accessDenials.record({ agent, ...requestLineOf(operation, id) }, refused);
    const { status, code, detail } = problemOf(refused.code, refused.detail);
    const { errors } = refused.extras;
    return new MeshError({ status, code, detail, ...(errors && { errors }) });
  }
}

function toMeshResponse(
  { status, body, replayed }: KeyedResponse,
  pause: PauseNotice | null,
): MeshResponse {
  const json: unknown = body === '' ? {} : JSON.parse(body);
  return { status, body: isRecord(json) ? json : {}, replayed, ...(pause && { pause }) };
}
