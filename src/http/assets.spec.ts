import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { assetsInMemory } from './assets.js';

describe('assetsInMemory', () => {
  it('serves files whose folder was removed, and no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assets-'));
    writeFileSync(join(folder, 'page.css'), 'body {}');
    const server = express().use('/docs', assetsInMemory(folder, ['page.css']));
    rmSync(folder, { recursive: true });

    const page = await request(server).get('/docs/page.css');
    expect(page).toMatchObject({ status: 200, text: 'body {}', type: 'text/css' });
    expect(await request(server).head('/docs/page.css')).toMatchObject({ status: 200 });
    for (const path of ['/docs/other.css', '/docs/', '/page.css', '/docs/page.css/']) {
      expect(await request(server).get(path)).toMatchObject({ status: 404 });
    }
    expect(await request(server).post('/docs/page.css')).toMatchObject({ status: 404 });
  });
});
