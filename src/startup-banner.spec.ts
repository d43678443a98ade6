import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from './config/parse-environment.js';
import { startupBanner } from './startup-banner.js';

const URL = 'http://127.0.0.1:8088';

describe('The start-up banner', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greeting-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('names the data folder, which as root is not DATA_DIR', () => {
    const text = startupBanner(parseEnvironment({ DATA_DIR: folder }), URL);
    const [, place] = /the data stays in ([^)]*)\)/.exec(text) ?? [];
    if (process.getuid?.() === 0) expect(place).toMatch(/^\/var\/lib\/agent-mesh\/[0-9a-f]{12}$/);
    else expect(place).toBe(folder);
  });

  it('names the console first, if it is served', () => {
    const bannerOf = (CONSOLE_ENABLED: string) =>
      startupBanner(parseEnvironment({ DATA_DIR: folder, CONSOLE_ENABLED }), URL);
    const pagesOf = (text: string) => text.match(/(?<=:8088)\/\w+/g);
    expect(pagesOf(bannerOf('true'))).toEqual(['/console', '/docs']);
    expect(pagesOf(bannerOf('false'))).toEqual(['/docs']);
  });

  it('is empty with DATABASE_URL', () => {
    const environment = { DATABASE_URL: 'postgres://mesh@db/mesh', JWT_SECRET: 'x'.repeat(32) };
    expect(startupBanner(parseEnvironment(environment), URL)).toBe('');
  });
});
