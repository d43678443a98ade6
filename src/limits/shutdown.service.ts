import { Injectable } from '@nestjs/common';
import { LoadShedderService } from './load-shedder.service.js';

/**
 * Whether the instance stops. While it stops it is not ready, still serves requests, and closes each connection after the
 * response, so that a proxy sends no request on a connection that is about to close.
 */
@Injectable()
export class ShutdownService {
  private stopping = false;

  constructor(private readonly loadShedder: LoadShedderService) {}

  get isStopping(): boolean {
    return this.stopping;
  }

  /** Starts to stop: the instance is not ready from now on. */
  begin(): void {
    this.stopping = true;
    for (const { response } of this.loadShedder.inFlight()) {
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }
}
