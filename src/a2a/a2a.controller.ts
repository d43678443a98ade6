import { AgentCard } from '@a2a-js/sdk';
import { agentCardHandler } from '@a2a-js/sdk/server/express';
import { All, Controller, Get, Param, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { Environment } from '../config/environment.js';
import { toNfc } from '../common/names.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { methodNotAllowed } from '../http/route-not-found.filter.js';
import { SkipIdempotency } from '../idempotency/skip-idempotency.decorator.js';
import { publicUrl } from '../http/public-url.js';
import { A2aErrorFilter } from './a2a-error.filter.js';
import { A2aHttpAdapter } from './a2a-http.adapter.js';
import { restPathOf } from './a2a-path.js';
import { AgentCardsService, KEYS_PATH, type KeySet } from './agent-cards.service.js';
import { REST_PATH } from './agent-card.js';

const CARD_PATH = '.well-known/agent-card.json';
/** Seconds for which a client can use a card without asking again. A card changes only with a restart. */
const CARD_MAX_AGE = 300;

/** The A2A agents. The protocol describes their routes, so the OpenAPI document does not. */
@ApiExcludeController()
@Controller()
export class A2aController {
  constructor(
    private readonly adapter: A2aHttpAdapter,
    private readonly cards: AgentCardsService,
    private readonly environment: Environment,
  ) {}

  @Get(CARD_PATH)
  @Policy('a2a.discover')
  hostCard(@Req() request: Request, @Res() response: Response): void {
    this.sendCard(this.cards.defaultRole(), request, response);
  }

  @Get(`a2a/:role/${CARD_PATH}`)
  @Policy('a2a.discover')
  card(@Param('role') role: string, @Req() request: Request, @Res() response: Response): void {
    this.sendCard(this.agentOf(role), request, response);
  }

  @Get(`a2a/:role/${KEYS_PATH}`)
  @Policy('a2a.discover')
  keys(@Param('role') role: string): KeySet {
    this.agentOf(role);
    return this.cards.keySet();
  }

  @Post('a2a/:role')
  @Policy('a2a.call')
  @SkipIdempotency()
  @UseFilters(A2aErrorFilter)
  jsonRpc(
    @Param('role') given: string,
    @CurrentAgent() agent: Agent,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const role = this.agentOf(given);
    const url = this.publicUrl(request);
    const call = { agent, role, publicUrl: url, binding: 'jsonrpc' as const, path: '' };
    return this.adapter.respond(call, request, response);
  }

  @All('a2a/:role')
  @Policy('a2a.call')
  @SkipIdempotency()
  @UseFilters(A2aErrorFilter)
  refuse(@Param('role') role: string): never {
    this.agentOf(role);
    throw methodNotAllowed('POST');
  }

  @All(`a2a/:role/${REST_PATH}/*path`)
  @Policy('a2a.call')
  @SkipIdempotency()
  @UseFilters(A2aErrorFilter)
  rest(
    @Param('role') given: string,
    @Query() _query: Record<string, unknown>,
    @CurrentAgent() agent: Agent,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const role = this.agentOf(given);
    const path = restPathOf(request.path);
    const url = this.publicUrl(request);
    const call = { agent, role, publicUrl: url, binding: 'rest' as const, path };
    return this.adapter.respond(call, request, response);
  }

  private sendCard(role: string, request: Request, response: Response): void {
    const url = this.publicUrl(request);
    const handler = agentCardHandler({
      agentCardProvider: async () => withProtoJson(await this.cards.get(role, url)),
      cache: { maxAge: CARD_MAX_AGE },
    });
    // `no-cache` asks for validation, which `If-None-Match` is. Express would send the card again.
    if (request.headers['if-none-match'] !== undefined)
      request.headers['cache-control'] = undefined;
    request.url = '/';
    void handler(request, response, () => undefined);
  }

  /** Returns the role of a path. Express has decoded it. */
  private agentOf(given: string): string {
    const role = toNfc(given);
    this.cards.assertAgent(role);
    return role;
  }

  private publicUrl(request: Request): string {
    const url = publicUrl(this.environment, request);
    if (url !== undefined) return url;
    throw new InvalidInputError([
      { pointer: 'Host', message: 'Host must be a valid host: PUBLIC_URL is not set' },
    ]);
  }
}

/** Returns a card that `JSON.stringify`, with which the SDK sends it, writes in the form of the protocol (ProtoJSON). */
function withProtoJson(card: AgentCard): AgentCard {
  return Object.assign({ ...card }, { toJSON: () => AgentCard.toJSON(card) });
}
