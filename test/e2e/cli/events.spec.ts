import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Cli } from '../../support/cli.js';
import { until } from '../../support/eventually.js';
import { routeTask, useApp } from '../../support/kit.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

describe('mesh watch, audit export and webhooks', () => {
  const mesh = useApp();
  const cli = new Cli(() => ({ MESH_URL: mesh.url, MESH_TOKEN: tokenFor('admin', 'admin-cli') }));

  describe('mesh watch', () => {
    it('shows each event as it is committed, and ends after a number of them', async () => {
      const from = newSubject('from');
      const head = await mesh.agent('admin').get<{ next: string }>('/events?after=head&limit=1');
      const watching = cli.start(`watch --after ${head.body.next} --types task.routed --count 2`);
      const tasks = [await routeTask(mesh, from, 'legal'), await routeTask(mesh, from, 'legal')];
      const { code, output, errors } = await watching.result();
      const lines = output.trimEnd().split('\n');
      expect(lines.map((line) => /task-\S+/.exec(line)?.[0])).toEqual(tasks);
      expect(lines[0]).toMatch(/^20\S+ \S+Z {2}task\.routed {2}task-\S+ {2}by from-/);
      expect({ code, errors }).toEqual({ code: 0, errors: '' });

      const again = await cli.run(`watch --after ${head.body.next} --count 1 --json`);
      const { cursor, event } = JSON.parse(again.output) as { cursor: string; event: object };
      expect(cursor).toMatch(/./);
      expect(event).toMatchObject({ specversion: '1.0', subject: tasks[0] });
    });

    it('ends with 0 on Ctrl-C', async () => {
      const watching = cli.start('watch --json');
      await until(async () => {
        await routeTask(mesh, 'finance', 'legal');
        return watching.output !== '';
      });
      watching.kill('SIGINT');
      expect(await watching.ended).toBe(0);
    });

    it('ends with 1 for a cursor that is not valid', async () => {
      const { code, errors } = await cli.run('watch --after nonsense');
      expect(errors).toMatch(/^events\.cursor_invalid: /);
      expect(code).toBe(1);
    });
  });

  describe('mesh audit export', () => {
    let proxy: Server | undefined;
    afterAll(() => {
      proxy?.close();
    });

    it('writes the events as JSON lines with their digest', async () => {
      const task = await routeTask(mesh, 'finance', 'legal');
      const { code, lines } = await cli.run(`audit export --task ${task}`);
      expect(code).toBe(0);
      expect(lines.map((line) => (JSON.parse(line) as { event_type: string }).event_type)).toEqual([
        'task_routed',
        'export_completed',
      ]);
      const file = join(cli.folder, 'events.ndjson');
      const written = await cli.run(`audit export --task ${task} -o ${file}`);
      expect(written.output).toBe(`Wrote 1 events to ${file}.\n`);
      const [event, end] = readFileSync(file, 'utf8').split('\n');
      expect(JSON.parse(end ?? '')).toMatchObject({
        digest: createHash('sha256')
          .update(`${String(event)}\n`)
          .digest('hex'),
      });
    });

    it.each([
      ['without its last line', (text: string) => text.replace(/[^\n]*\n$/, '')],
      ['without a line', (text: string) => text.replace(/^[^\n]*\n/, '')],
      ['with a changed line', (text: string) => text.replace('"legal"', '"lawyers"')],
      ['cut in its last line', (text: string) => text.slice(0, -9)],
      ['that is empty', () => ''],
    ])('ends with 1 for an export %s', async (_, damage) => {
      const task = await routeTask(mesh, 'finance', 'legal');
      const { output } = await cli.run(`audit export --task ${task}`);
      const server = createServer((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(damage(output));
      });
      proxy = server;
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      const env = { MESH_URL: `http://127.0.0.1:${port}` };
      const { code, errors } = await cli.run('audit export', { env });
      server.close();
      expect(errors).toMatch(/^mesh\.export_incomplete: /);
      expect(code).toBe(1);
    });

    it('ends with 1 if the file cannot be written', async () => {
      const file = join(cli.folder, 'none', 'events.ndjson');
      const { code, errors } = await cli.run(`audit export -o ${file}`);
      expect(errors).toMatch(/^mesh\.export_incomplete: .*ENOENT[^\n]*\n$/);
      expect(code).toBe(1);
    });

    it('ends with 1 for a filter that is not valid', async () => {
      const { code, errors } = await cli.run('audit export --from yesterday');
      expect(errors).toMatch(/^request\.invalid: /);
      expect(code).toBe(1);
    });
  });

  describe('mesh webhooks', () => {
    it('create, test, list deliveries, rotate, disable and delete', async () => {
      const receiver = await WebhookReceiver.start();
      const created = await cli.run(['webhooks', 'create', receiver.url, '--description', 'test']);
      expect(created).toMatchObject({ code: 0, errors: '' });
      expect(created.output).toMatch(/^secret +whsec_\S+$/m);
      const id = /^webhook +(\S+)$/m.exec(created.output)?.[1] ?? '';
      expect((await cli.run('webhooks')).output).toContain(id);

      expect((await cli.run(`webhooks test ${id}`)).code).toBe(0);
      await until(async () => {
        const { output } = await cli.run(`webhooks deliveries ${id}`);
        return /webhook\.tested +delivered +1/.test(output);
      });
      expect((await cli.run(`webhooks rotate ${id} --overlap 60`)).output).toMatch(
        /^secret +whsec_/,
      );
      expect((await cli.run(`webhooks replay ${id} --since 2020-01-01T00:00:00Z`)).output).toMatch(
        /^\d+ events are queued again\.$/m,
      );
      const disabled = await cli.run(`webhooks update ${id} --disable`);
      expect(disabled.output).toMatch(/^status +disabled$/m);
      expect((await cli.run(`webhooks update ${id} --enable --disable`)).code).toBe(2);
      expect((await cli.run(`webhooks delete ${id}`)).output).toBe(`Deleted the webhook ${id}.\n`);
      const gone = await cli.run(`webhooks get ${id}`);
      expect(gone).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/^webhook\.not_found: /),
      });
      await receiver.close();
    });

    it('are refused for other roles and other URLs', async () => {
      const env = { MESH_TOKEN: tokenFor('finance') };
      expect((await cli.run('webhooks list', { env })).errors).toMatch(/^auth\.forbidden: /);
      expect((await cli.run('webhooks create ftp://example.com')).errors).toMatch(
        /^(webhook\.url_refused|request\.invalid): /,
      );
    });
  });
});
