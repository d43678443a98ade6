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

/** Speaks MCP over Streamable HTTP. Nothing is kept between two requests, so any process can answer any of them. */
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
      help: 'Calls of tools over /mcp, by tool and outcome: ok, or the code of the error.',
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
      // The list of tools does not change: there is nothing to subscribe to.
      maxSubscriptions: 0,
      onerror: (error) => {
        this.logger.debug(error.message);
      },
    });
    await toNodeHandler(handler)(request, response, withArguments(request.body));
  }

  /** The delivery of a response; it is lost if the connection closes before the response is written. */
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
 * MCP knows no batches since 2025-06-18; the SDK still takes those of older clients. One request that calls a hundred
 * tools would count once against the limits.
 */
function assertOneMessage(body: unknown): void {
  if (isRecord(body)) return;
  throw new InvalidInputError([{ pointer: '/', message: 'The body must be one JSON-RPC message' }]);
}
