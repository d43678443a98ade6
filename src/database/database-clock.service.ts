import { Injectable } from '@nestjs/common';

/**
 * An estimate of PostgreSQL's clock, for values that are kept outside of it: right but for the time of a round trip,
 * whatever the clock of this process says.
 */
@Injectable()
export class DatabaseClockService {
  private offset = Infinity;

  /** Takes over a time, in milliseconds since the epoch, that PostgreSQL has just told. */
  set(now: number): void {
    this.offset = now - performance.now();
  }

  /** The time in milliseconds since the epoch; `Infinity`, after which everything has expired, as long as it is unknown. */
  now(): number {
    return performance.now() + this.offset;
  }
}
