import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { writeProblem } from '../errors/problem.js';
import { MetricsService } from '../observability/metrics.service.js';
import { hasReaderLimit } from '../http/reader-limit.js';
import { hasBody } from '../observability/probes.js';
import { LoadShedderService } from './load-shedder.service.js';
import type { Place } from './place-list.js';

const CHECK_EVERY_MS = 1_000;
/** Bytes that a client must send between two checks to keep its place under load. */
const MIN_BODY_BYTES = 4_096;
/** Seconds without progress after which a response is ended under load. */
const CROWDED_STALL_SECONDS = 5;

/**
 * Ends requests whose client does not send or read, because they hold a place. Under load a body must come at 4 KiB per
 * second; without load Node limits the time of the whole request. A response whose client reads nothing is ended after
 * HTTP_STALL_SECONDS, under load after 5 seconds. A stream of events has a limit of its own until it is ended.
 */
@Injectable()
export class SlowClientsService implements OnApplicationShutdown {
  private readonly timer: NodeJS.Timeout;
  /** Bytes that the connection of a request had received at the last check. */
  private readonly received = new WeakMap<IncomingMessage, number>();
  private readonly watched = new WeakSet<ServerResponse>();
  private readonly ended: Counter<'reason'>;

  constructor(
    private readonly environment: Environment,
    private readonly loadShedder: LoadShedderService,
    { registry }: MetricsService,
  ) {
    this.timer = setInterval(() => {
      for (const place of this.loadShedder.inFlight()) this.check(place);
    }, CHECK_EVERY_MS).unref();
    this.ended = new Counter({
      name: 'http_slow_clients_total',
      help: 'Requests that were ended because the client did not send its body or read the response.',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of ['body', 'reader']) this.ended.inc({ reason }, 0);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private check({ kind, request, response }: Place): void {
    const isCrowded = this.loadShedder.isCrowded(kind);
    if (response.headersSent) {
      if (!hasReaderLimit(response)) this.checkReader(response, isCrowded);
    } else if (!request.complete && hasBody(request)) {
      this.checkBody(request, response, isCrowded);
    }
  }

  private checkBody(request: IncomingMessage, response: ServerResponse, isCrowded: boolean): void {
    const { bytesRead } = request.socket;
    const before = this.received.get(request);
    this.received.set(request, bytesRead);
    if (!isCrowded || before === undefined || bytesRead - before >= MIN_BODY_BYTES) return;
    this.ended.inc({ reason: 'body' });
    response.setHeader('Connection', 'close');
    writeProblem(response, `${this.environment.publicPath}${pathOf(request)}`, bodyTooSlow());
  }

  /** Node's timer of the socket restarts whenever a part of the response is sent. */
  private checkReader(response: ServerResponse, isCrowded: boolean): void {
    const { socket } = response;
    if (socket === null || response.writableLength === 0) return;
    const seconds = isCrowded ? CROWDED_STALL_SECONDS : this.environment.HTTP_STALL_SECONDS;
    const isFirst = !this.watched.has(response);
    if (!isFirst && socket.timeout === seconds * 1_000) return;
    socket.setTimeout(seconds * 1_000);
    if (!isFirst) return;
    this.watched.add(response);
    const end = (): void => {
      this.ended.inc({ reason: 'reader' });
      socket.destroy();
    };
    socket.once('timeout', end);
    response.once('close', () => socket.off('timeout', end));
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function bodyTooSlow(): DomainError {
  return new DomainError(
    'request.timeout',
    'The controller is overloaded, and the body came too slowly. The request was not processed; retry it.',
    { retryAfter: 1 },
  );
}
