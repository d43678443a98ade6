import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { killSealers } from '../../support/killed-sealers.js';

describe('Sealers on two processes that are killed', () => {
  it('seal every event once, in order, and sign heads of one tree', async () => {
    const { report, sealed, heads, lost } = await killSealers({
      kills: 2,
      pause: () => sleep(1_500),
    });
    expect(report.findings).toEqual([]);
    expect(lost).toEqual([]);
    expect(heads).toBeGreaterThanOrEqual(2);
    expect(sealed).toBeGreaterThan(50);
  }, 90_000);
});
