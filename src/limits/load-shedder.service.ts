import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';
import { LoadMonitorService } from './load-monitor.service.js';
import { type Exchange, type Place, PlaceList, type RequestKind } from './place-list.js';
import { PlacePool } from './place-pool.js';

type ShedReason = 'in_flight' | 'share' | 'lag' | 'utilization';

/** Assumed length of a body that does not announce one, in bytes. */
const UNKNOWN_LENGTH = 2 ** 20;

/**
 * Rejects requests when too many are in flight or when the event loop lags, because their responses would be too late. A
 * rejection costs very little, so the accepted requests are answered in time.
 *
 * Each request in flight holds a place: first of its address, after authentication of its subject. Neither can hold all.
 */
@Injectable()
export class LoadShedderService {
  private readonly places = new PlaceList();
  private readonly pools: Record<RequestKind, PlacePool>;
  private readonly shed: Counter<'reason'>;

  constructor(
    { MAX_IN_FLIGHT }: Environment,
    private readonly load: LoadMonitorService,
    { registry }: MetricsService,
  ) {
    const pools = { working: new PlacePool(MAX_IN_FLIGHT), waiting: new PlacePool(MAX_IN_FLIGHT) };
    this.pools = pools;
    this.shed = new Counter({
      name: 'http_requests_turned_away_total',
      help: 'Requests answered with 503 because the process was overloaded, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of Object.keys(DETAILS)) this.shed.inc({ reason }, 0);
    new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests in flight by kind: working, or waiting for tasks.',
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        this.set({ kind: 'working' }, pools.working.used);
        this.set({ kind: 'waiting' }, pools.waiting.used);
      },
    });
  }

  /**
   * Takes a place for a request, in the share of its address. The place is free again when the response ends. Its cost
   * counts for the address until its token is verified. An address that is above its share of CPU time can send only
   * requests whose token was verified before, and some with other tokens.
   *
   * @param hasKnownToken whether the token of the request was verified before
   * @throws DomainError `server.overloaded`
   */
  enter(
    kind: RequestKind,
    address: string,
    { request, response }: Exchange,
    hasKnownToken: () => boolean,
  ): void {
    const party = `address:${address}`;
    this.load.costs.add(party, bodyLength(request));
    if (this.load.isLagging) throw this.refusal('lag');
    if (this.load.costs.isHeavy(party) && !hasKnownToken() && !this.mayVerify(party, request)) {
      // The rest of the body is not read.
      response.setHeader('Connection', 'close');
      throw this.refusal('utilization');
    }
    const pool = this.pools[kind];
    if (pool.isFull) throw this.refusal('in_flight');
    if (!pool.take(party)) throw this.refusal('share');
    const place: Place = { kind, party, request, response };
    this.places.add(place);
    response.once('close', () => {
      this.leave(place);
      this.places.remove(place);
    });
  }

  /**
   * Moves the place of a request to the share of its verified subject.
   *
   * @throws DomainError `server.overloaded`
   */
  assign(request: IncomingMessage, subject: string): void {
    const place = this.places.of(request);
    if (place?.party === undefined) return;
    const bytes = bodyLength(request);
    this.load.costs.takeBack(place.party, bytes);
    this.leave(place);
    const party = `subject:${subject}`;
    this.load.costs.add(party, bytes);
    if (this.load.costs.isHeavy(party)) throw this.refusal('utilization');
    if (!this.pools[place.kind].take(party)) throw this.refusal('share');
    place.party = party;
  }

  /** The requests in flight, without exempt ones. */
  inFlight(): Iterable<Place> {
    return this.places.all();
  }

  /** Whether the places of this kind are scarce. */
  isCrowded(kind: RequestKind): boolean {
    return this.pools[kind].isCrowded || this.load.isSaturated;
  }

  private mayVerify(party: string, { headers }: IncomingMessage): boolean {
    return headers.authorization !== undefined && this.load.costs.takeVerification(party);
  }

  private leave(place: Place): void {
    if (place.party !== undefined) this.pools[place.kind].leave(place.party);
    place.party = undefined;
  }

  private refusal(reason: ShedReason): DomainError {
    this.shed.inc({ reason });
    return new DomainError('server.overloaded', DETAILS[reason], { retryAfter: 1 });
  }
}

const OVERLOADED = 'The controller is overloaded and did not process the request; retry it.';

const DETAILS: Record<ShedReason, string> = {
  in_flight: OVERLOADED,
  lag: OVERLOADED,
  share:
    'Too many requests of this caller are in flight. The request was not processed; retry it with fewer at a time.',
  utilization:
    'The controller is overloaded, most of all by this caller. The request was not processed; retry it with fewer at a time.',
};

function bodyLength({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return UNKNOWN_LENGTH;
  return Math.min(Number(headers['content-length'] ?? 0), UNKNOWN_LENGTH);
}
