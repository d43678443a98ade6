import { setTimeout as sleep } from 'node:timers/promises';
import { it } from '@jest/globals';

it('waits', () => sleep(300_000), 300_000);
