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
    summary: 'Speak MCP: the tools of the agent mesh over Streamable HTTP',
    description:
      'Stateless: there is no session, and any process may answer. A tool that writes takes its key as `idempotency_key`; the header `Idempotency-Key` has no meaning here.',
  })
  @ApiHeader({
    name: 'Accept',
    required: true,
    description: 'Both media types, as MCP has it.',
    schema: { type: 'string', example: 'application/json, text/event-stream' },
  })
  @ApiBody({
    description: 'A message of JSON-RPC 2.0.',
    schema: JSON_RPC,
    examples: {
      list: {
        summary: 'See the tools',
        value: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
      },
      call: {
        summary: 'Call one',
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
    description: 'The answer to the message, also if a tool was refused (`isError`).',
    content: {
      'application/json': { schema: JSON_RPC },
      'text/event-stream': { schema: { type: 'string' } },
    },
  })
  @ApiAcceptedResponse({ description: 'A notification: there is nothing to answer.' })
  @ApiNotAcceptableResponse({
    description: '`Accept` does not name both media types.',
    content: { 'application/json': { schema: JSON_RPC } },
  })
  @ApiBadRequestResponse({
    description: 'The request is not valid, or its body is no message of JSON-RPC 2.0.',
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
   * There is no session to end, and nothing to listen to. A token that is missing or expired is named first: clients
   * take 405 for an answer and would not learn of it.
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
