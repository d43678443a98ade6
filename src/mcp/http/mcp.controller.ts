import { All, Controller, HttpCode, Post, Req, Res, UseFilters } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiBearerAuth,
  ApiBody,
  ApiExcludeEndpoint,
  ApiHeader,
  ApiNotAcceptableResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Agent } from '../../auth/agent.js';
import { CurrentAgent } from '../../auth/current-agent.decorator.js';
import { Policy } from '../../auth/policy.decorator.js';
import { ApiProblems, problemContent } from '../../http/api-problems.decorator.js';
import { methodNotAllowed } from '../../http/route-not-found.filter.js';
import { SkipIdempotency } from '../../idempotency/skip-idempotency.decorator.js';
import { ChallengeFilter } from './challenge.filter.js';
import { McpHttpAdapter } from './mcp-http.adapter.js';

const JSON_RPC = { type: 'object' as const, additionalProperties: true };

@ApiTags('MCP')
@ApiBearerAuth()
@Controller('mcp')
export class McpController {
  constructor(private readonly endpoint: McpHttpAdapter) {}

  @Post()
  @HttpCode(200)
  @Policy('mcp.call')
  @SkipIdempotency()
  @UseFilters(ChallengeFilter)
  @ApiOperation({
    operationId: 'sendMcpMessage',
    summary: 'Send an MCP message (Streamable HTTP)',
    description:
      'The tools of the agent mesh for MCP clients. Stateless: no MCP session is stored, and any instance can serve any request. A tool that writes accepts its idempotency key as the argument `idempotency_key`; the header `Idempotency-Key` is ignored. Point an MCP client at this URL; docs/agent-mesh.md lists the tools.',
  })
  @ApiHeader({
    name: 'Accept',
    required: true,
    description: 'Both media types of the example, as MCP requires.',
    schema: { type: 'string', example: 'application/json, text/event-stream' },
  })
  @ApiBody({
    description: 'A JSON-RPC 2.0 message.',
    schema: JSON_RPC,
    examples: {
      list: {
        summary: 'List the tools',
        value: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
      },
      call: {
        summary: 'Call a tool',
        value: {
          jsonrpc: '2.0',
          id: 2,
          method: 'tools/call',
          params: { name: 'whoami', arguments: {} },
        },
      },
    },
  })
  @ApiOkResponse({
    description: 'The response to the message. An error of a tool is a result with `isError`.',
    content: {
      'application/json': { schema: JSON_RPC },
      'text/event-stream': { schema: { type: 'string' } },
    },
  })
  @ApiAcceptedResponse({ description: 'The message was a notification, which has no response.' })
  @ApiNotAcceptableResponse({
    description: '`Accept` does not contain both media types.',
    content: { 'application/json': { schema: JSON_RPC } },
  })
  @ApiBadRequestResponse({
    description: 'The request is not valid, or its body is not a JSON-RPC 2.0 message.',
    content: {
      'application/json': { schema: JSON_RPC },
      ...problemContent(['request.invalid', 'request.malformed']),
    },
  })
  @ApiProblems(
    'request.malformed',
    'request.too_large',
    'request.media_type',
    'mcp.origin_not_allowed',
  )
  answer(
    @CurrentAgent() agent: Agent,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.endpoint.respond(agent, request, response);
  }
  /**
   * Refuses other methods: there is no session to delete and no stream to open. Authentication runs first, because clients
   * accept 405 as normal and would not notice a missing or expired token.
   */
  @All()
  @Policy('mcp.call')
  @SkipIdempotency()
  @UseFilters(ChallengeFilter)
  @ApiExcludeEndpoint()
  refuse(): never {
    throw methodNotAllowed('POST');
  }
}
