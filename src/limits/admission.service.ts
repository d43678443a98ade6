import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { AuthenticationService } from '../auth/authentication.service.js';
import { staffRelations } from '../auth/policy.js';
import { DomainError } from '../errors/domain-error.js';
import { LoadShedderService } from './load-shedder.service.js';
import type { Exchange, RequestKind } from './place-list.js';
import { RateLimitsService } from './rate-limits.service.js';

/** Headers of the response to an admitted request. */
type Headers = Readonly<Record<string, string>>;

/**
 * Decides whether a request is processed. It counts each request against the limits of its address, and once its token
 * is verified against those of its subject. Only a probe that is answered with success is exempt.
 */
@Injectable()
export class AdmissionService {
  private readonly exempt = new WeakSet<IncomingMessage>();
  private readonly admitted = new WeakSet<IncomingMessage>();

  constructor(
    private readonly limits: RateLimitsService,
    private readonly loadShedder: LoadShedderService,
    private readonly authentication: AuthenticationService,
  ) {}

  /**
   * Admits a request of an address.
   *
   * @throws DomainError `server.overloaded` or `request.rate_limited`
   */
  enter(kind: RequestKind, address: string, exchange: Exchange): Headers {
    this.takePlace(kind, address, exchange);
    return this.limits.consume('address', address);
  }

  /**
   * Admits a request of a verified subject. It counts once, although it is checked before its body is read and again by
   * the guard.
   *
   * @throws DomainError `server.overloaded` or `request.rate_limited`
   */
  admit(request: IncomingMessage, subject: string): Headers {
    if (this.admitted.has(request) || this.exempt.has(request)) return {};
    this.admitted.add(request);
    const headers = this.limits.consume('subject', subject);
    this.loadShedder.assign(request, subject);
    return headers;
  }

  /** Exempts a probe that requires no token. It counts afterwards if it is not answered with 2xx. */
  exemptProbe(address: string, { request, response }: Exchange): void {
    this.exempt.add(request);
    response.once('close', () => {
      if (!isSuccess(response)) this.limits.record('address', address);
    });
  }

  /**
   * Exempts a request for metrics if its caller may read them; otherwise it counts. Beyond the limit of its address only
   * a token that was verified before is accepted, so that a flood of invalid tokens costs no verification.
   *
   * @throws DomainError `server.overloaded` or `request.rate_limited`
   */
  async enterScrape(address: string, exchange: Exchange): Promise<Headers> {
    const { request, response } = exchange;
    const headers = this.consumeUnlessKnown(address, request);
    if (headers === undefined) return {};
    if (mayScrape(await this.callerOf(request, response))) {
      this.exempt.add(request);
      this.limits.restore('address', address);
      return {};
    }
    this.takePlace('working', address, exchange);
    return headers;
  }

  private takePlace(kind: RequestKind, address: string, exchange: Exchange): void {
    const hasKnownToken = () => this.authentication.knownCaller(exchange.request) !== undefined;
    this.loadShedder.enter(kind, address, exchange, hasKnownToken);
  }

  /** Counts a scrape; returns undefined if its token is known and it does not count. */
  private consumeUnlessKnown(address: string, request: IncomingMessage): Headers | undefined {
    if (mayScrape(this.authentication.knownCaller(request))) {
      this.exempt.add(request);
      return undefined;
    }
    return this.limits.consume('address', address);
  }

  private async callerOf(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Agent | undefined> {
    try {
      return await this.authentication.authenticate(request, response);
    } catch (error) {
      // The guard refuses the request for the same reason.
      if (error instanceof DomainError) return undefined;
      throw error;
    }
  }
}

function mayScrape(agent: Agent | undefined): boolean {
  return agent !== undefined && staffRelations(agent).length > 0;
}

function isSuccess({ statusCode }: ServerResponse): boolean {
  return statusCode >= 200 && statusCode < 300;
}
