import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Counter } from 'prom-client';
import { withArguments } from '../tools/arguments.js';
import type { CallId, Delivery } from '../tools/deliveries.js';
import { meshServer, type OnCall } from '../tools/mesh-server.js';
import type { Agent } from '../../auth/agent.js';
import { isRecord } from '../../common/is-record.js';
import { Environment } from '../../config/environment.js';
import { InvalidInputError } from '../../errors/domain-error.js';
import { MetricsService } from '../../observability/metrics.service.js';
import { requestContext } from '../../observability/request-context.js';
import { InProcessMeshService } from './in-process-mesh.service.js';
import { assertOrigin } from './origin.js';
import { callOf, cancelledCallOf, labelClient } from './tool-call-identity.js';
import { ToolCallsService } from './tool-calls.service.js';

type Run<T> = (delivery: Delivery) => Promise<T>;

/** MCP over Streamable HTTP. It is stateless, so any instance can serve any request. */
@Injectable()
export class McpHttpAdapter {
  private readonly logger = new Logger('Tool');
  private readonly calls: Counter<'tool' | 'outcome'>;

  constructor(
    private readonly mesh: InProcessMeshService,
    private readonly toolCalls: ToolCallsService,
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.calls = new Counter({
      name: 'mesh_mcp_tool_calls_total',
      help: 'Tool calls at /mcp, by tool and outcome: ok, cancelled, or the code of the error.',
      labelNames: ['tool', 'outcome'],
      registers: [registry],
    });
  }

  async respond(agent: Agent, request: Request, response: Response): Promise<void> {
    assertOrigin(request.headers.origin, this.environment.CORS_ORIGINS);
    assertOneMessage(request.body);
    const cancelled = cancelledCallOf(agent, request);
    if (cancelled) await this.toolCalls.cancel(cancelled);
    labelClient(request, response);
    const delivery = this.deliver(callOf(agent, request), response);
    const calls = { run: <T>(_: unknown, call: Run<T>) => call(delivery), note: this.note };
    const handler = createMcpHandler(() => meshServer(this.mesh.of(agent), calls), {
      // The lists never change, so there is nothing to subscribe to.
      maxSubscriptions: 0,
      onerror: (error) => {
        this.logger.debug(error.message);
      },
    });
    await toNodeHandler(handler)(request, response, withArguments(request.body));
  }

  /** Begins the delivery of a response. It is lost if the connection closes before the response is written. */
  private deliver(call: CallId, response: Response): Delivery {
    const delivery = this.toolCalls.begin(call);
    const close = (): void => {
      if (!response.writableFinished) delivery.lose();
      this.toolCalls.end(call, delivery);
    };
    if (response.closed) close();
    else response.once('close', close);
    return delivery;
  }

  private readonly note: OnCall = ({ tool, outcome, seconds }) => {
    this.calls.inc({ tool, outcome });
    const context = requestContext();
    this.logger.log({
      tool,
      outcome,
      ms: Math.round(seconds * 1000),
      subject: context?.subject,
      trace_id: context?.traceId,
    });
  };
}

/**
 * Refuses batches. MCP has removed them (2025-06-18), but the SDK still accepts them, and a batch of a hundred tool calls
 * would count once against the rate limits.
 */
function assertOneMessage(body: unknown): void {
  if (isRecord(body)) return;
  throw new InvalidInputError([
    { pointer: '/', message: 'The body must be one JSON-RPC message, not a batch' },
  ]);
}
