import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../config/parse-environment.js';
import { MetricsService } from '../observability/metrics.service.js';
import { LoadMonitorService } from './load-monitor.service.js';

function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('LoadMonitorService', () => {
  it('is saturated while the event loop is busy, and marks the heavy parties', async () => {
    const environment = parseEnvironment({ NODE_ENV: 'test', MAX_LAG_MS: '100' });
    const sut = new LoadMonitorService(environment, new MetricsService());
    const burning = setInterval(() => {
      burn(200);
      sut.costs.add('busy', 2 ** 20);
      sut.costs.add('calm', 0);
    }, 1);
    try {
      while (!sut.costs.isHeavy('busy')) await sleep(1);
      expect([sut.isSaturated, sut.costs.isHeavy('calm')]).toEqual([true, false]);
    } finally {
      clearInterval(burning);
    }
    while (sut.isSaturated) await sleep(100);
    expect(sut.costs.isHeavy('busy')).toBe(false);
    sut.onApplicationShutdown();
  }, 60_000);
});
