import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import { BearerProxy } from '../../support/bearer-proxy.js';
import { Client } from '../../support/client.js';
import type { CrashPoint } from '../../support/controller-faults.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { taskRowCounts, ONE_ROW_EACH } from '../../support/task-row-counts.js';
import { inTerminal, RawStdioServer } from '../../support/mcp.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { useSharedApp } from '../../support/kit.js';

const UNKNOWN = 'task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';
const NOBODY_THERE = 'http://127.0.0.1:2';

let folder: string;
let server: RawStdioServer;

describe('MCP over stdio', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-stdio-'));
  });

  // Whatever happened: its standard output held JSON-RPC, and it ended well when it was told to.
  afterEach(async () => {
    const code = await server.end();
    expect(server.messages).toEqual(
      server.messages.map(() => expect.objectContaining({ jsonrpc: '2.0' })),
    );
    expect(code === 0 || server.output === '').toBe(true);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  async function start(url: string, env: Record<string, string>): Promise<RawStdioServer> {
    server = new RawStdioServer(url, env);
    await server.initialize();
    return server;
  }

  describe('the stdio server', () => {
    it('exits with an error on standard error without a token', async () => {
      server = new RawStdioServer(NOBODY_THERE, {});
      expect(await server.end()).toBe(1);
      expect(server.complaints).toContain('set MESH_JWT_TOKEN or MESH_JWT_TOKEN_FILE');
      expect(server.output).toBe('');
    });

    it('warns about misspelled variables on standard error, without their values', async () => {
      await start(NOBODY_THERE, { MESH_JWT_TOKEN: 'a-token', MESH_TIMEOUT_SEC: 'hidden' });
      expect(server.complaints).toBe(
        'agent-mesh: "MESH_TIMEOUT_SEC" has no effect; did you mean MESH_TIMEOUT_SECS?\n',
      );
    });

    it('reports a missing token file to the client, and reads the file once it is there', async () => {
      const file = join(folder, 'later');
      await start(NOBODY_THERE, { MESH_JWT_TOKEN_FILE: file, MESH_RETRY_COUNT: '0' });
      const missing = await server.call('whoami', {});
      expect(missing).toMatchObject({ isError: true, code: 'mesh.token_unreadable' });
      expect(missing.text).toContain('MESH_JWT_TOKEN_FILE cannot be read');
      writeFileSync(file, 'a.b.c');
      expect(await server.call('whoami', {})).toMatchObject({ code: 'mesh.unreachable' });
    });

    it('writes only JSON-RPC to standard output, with any input and without a controller', async () => {
      await start(NOBODY_THERE, { MESH_JWT_TOKEN: 'a-token', MESH_RETRY_COUNT: '0' });
      const status = await server.call('fetch_status', { id: UNKNOWN });
      expect(status).toMatchObject({ isError: true, code: 'mesh.unreachable' });
      expect(status.text).toContain(`${NOBODY_THERE} (ECONNREFUSED)`);
      expect(status.text).toContain('CONTROLLER_URL');

      for (const garbage of [
        'hello',
        '{',
        '[]',
        'null',
        '{"jsonrpc":"1.0"}',
        '{"id":1}',
        '\u0000',
        '"',
      ]) {
        server.write(garbage);
      }
      const unknown = await server.ask('tools/call', { name: 'no_such_tool', arguments: {} });
      expect(unknown.error).toMatchObject({ message: 'The tool does not exist' });
      expect(await server.ask('no/such/method', {})).toMatchObject({ error: { code: -32601 } });
      expect(await server.ask('ping', {})).toMatchObject({ result: {} });
      const wrong = await server.call('send_task', { target: 7, trace_id: 'x\ny' });
      expect(wrong).toMatchObject({ isError: true, code: 'request.invalid' });
      const odd = '{"amount":1e400,"half":"\\ud800"}';
      const consume = `{"name":"consume_approval","arguments":{"approval_id":"${UNKNOWN}","payload":${odd}}}`;
      const unsafe = await server.ask('tools/call', JSON.parse(consume) as object);
      expect(JSON.stringify(unsafe)).toContain('request.invalid');
    });
  });

  describe('the stdio server of a running controller', () => {
    const mesh = useSharedApp();

    it('names itself, the controller and the agent in a terminal', async () => {
      const subject = newSubject('finance');
      server = new RawStdioServer(mesh.url, { MESH_JWT_TOKEN: tokenFor('finance', subject) });
      expect(await server.end()).toBe(0);
      expect(server.complaints).toBe('');

      const token = tokenFor('finance', subject);
      const shown = await inTerminal({ CONTROLLER_URL: mesh.url, MESH_JWT_TOKEN: token });
      expect(shown).toContain('an MCP server on standard input and output');
      expect(shown).toContain(`Connected to ${mesh.url} as`);
      expect(shown).toContain(`#${subject}, acting for finance.`);
      expect(shown).not.toContain(token);
    });

    it('names the refused token, and uses a new one from its file at once', async () => {
      const file = join(folder, 'token');
      writeFileSync(file, 'not.a.token');
      await start(mesh.url, { MESH_JWT_TOKEN_FILE: file });
      const refused = await server.call('fetch_status', { id: UNKNOWN });
      expect(refused).toMatchObject({ isError: true, code: 'auth.token_invalid' });
      expect(refused.text).toContain('Renew the token');

      writeFileSync(file, `${tokenFor('finance', newSubject('finance'))}\n`);
      expect(await server.call('whoami', {})).toMatchObject({ content: { roles: ['finance'] } });

      writeFileSync(file, '');
      const unreadable = await server.call('whoami', {});
      expect(unreadable).toMatchObject({ isError: true, code: 'mesh.token_unreadable' });
      expect(unreadable.text).toContain('MESH_JWT_TOKEN_FILE');
    });
  });

  describe('a controller that is killed during a call', () => {
    let databaseUrl: string;
    let db: Pool;
    let other: ControllerProcess;

    beforeAll(async () => {
      databaseUrl = await newDatabase();
      db = new Pool({ connectionString: databaseUrl, max: 2 });
      other = await ControllerProcess.start({ databaseUrl });
    }, 60_000);

    afterAll(async () => {
      await other.stop();
      await db.end();
      await dropTestDatabase(databaseUrl);
    });

    it.each<[CrashPoint, boolean]>([
      ['before-commit', false],
      ['after-commit', true],
    ])(
      '%s: one retry and one task',
      async (crashAt, replayed) => {
        const token = tokenFor('finance', newSubject('finance'));
        const doomed = await ControllerProcess.start({ databaseUrl, crashAt });
        const proxy = await BearerProxy.start(doomed.url, token);
        await start(proxy.url, { MESH_JWT_TOKEN: token, MESH_RETRY_COUNT: '10' });
        const key = `crash-${crashAt}`;
        const sent = server.call('send_task', {
          target: 'manager',
          task_type: 'x',
          data: { key },
          idempotency_key: key,
        });
        await doomed.ended;
        proxy.target = other.url;

        const { content, isError } = await sent;
        expect({ isError, ...content }).toMatchObject({
          isError: false,
          idempotency_key: key,
          replayed,
          task_id: expect.stringMatching(/^task-/) as unknown,
        });
        expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
        const found = await new Client(other.url, token).get(`/tasks/${String(content.task_id)}`);
        expect(found.status).toBe(200);
        await proxy.close();
      },
      60_000,
    );
  });
});
