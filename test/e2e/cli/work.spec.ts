import { beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Cli } from '../../support/cli.js';
import { FlakyProxy } from '../../support/flaky-proxy.js';
import { useSharedApp } from '../../support/kit.js';

interface Claimed {
  task: { id: string; data: object };
  session: { id: string; lease_seconds: number };
}

describe('mesh route, claim and complete', () => {
  const mesh = useSharedApp();
  let role: string;
  const cli = new Cli(() => ({ MESH_URL: mesh.url }));
  const as = (name: string) => ({ env: { MESH_TOKEN: tokenFor(name, `${name}-cli`) } });

  beforeEach(() => {
    role = newSubject('role');
  });

  const route = async (...more: string[]) =>
    (await cli.json<{ task_id: string }>(['route', role, 'review', ...more], as('finance')))
      .task_id;

  const claim = (...more: string[]) => cli.json<Claimed>(['claim', ...more], as(role));

  it('take a task from routing to its result', async () => {
    const routed = await cli.run(['route', role, 'review', '-d', '{"amount":5}'], as('finance'));
    expect(routed).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^Routed task-\S+ to /),
    });

    const inbox = await cli.run('inbox', as(role));
    expect(inbox.lines[0]).toMatch(/^TASK +TYPE +FROM +TO +STATUS/);
    expect(inbox.lines[1]).toMatch(/^task-\S+ +review +finance /);

    const claimed = await cli.run('claim --lease 60', as(role));
    expect(claimed.output).toContain('data         {"amount":5}');
    const session = /session-\S+/.exec(claimed.output)?.[0] ?? '';
    const task = /task-\S+/.exec(claimed.output)?.[0] ?? '';
    expect((await cli.run(`heartbeat ${session}`, as(role))).output).toMatch(
      /^The lease ends at 20/,
    );
    const completed = await cli.run(['complete', session, '-r', '{"clauses":7}'], as(role));
    expect(completed.output).toBe(`${session} is completed.\n`);

    const shown = await cli.run(`task ${task} --timeline`, as('finance'));
    expect(shown.output).toContain('{"clauses":7}');
    expect(shown.output).toMatch(/task_claimed by \S+: pending -> active/);
    const timeline = await cli.run(`timeline ${task}`, as('finance'));
    expect(timeline.lines).toHaveLength(3);
    expect((await cli.run('inbox', as(role))).output).toBe(`The inbox of ${role} is empty.\n`);
  });

  it('wait for the result, with exit code 0 if the task is completed', async () => {
    const waiting = cli.start(`route ${role} review --wait`, as('finance'));
    const { session } = await claim('--wait', '20');
    await cli.run(['complete', session.id, '-r', '{"ok":true}'], as(role));
    const { code, output, errors } = await waiting.result();
    expect(output).toMatch(/^status +completed$/m);
    expect(output).toMatch(/^result +{"ok":true}$/m);
    expect(errors).toMatch(/^Routed task-\S+; waiting for its end\.$/m);
    expect(code).toBe(0);
  });

  it('wait for the result, with exit code 1 if the task has failed', async () => {
    const waiting = cli.start(`route ${role} review --wait --json`, as('finance'));
    const { session, task } = await claim('--wait', '20');
    await cli.run(['fail', session.id, 'no paper'], as(role));
    const { code, output, errors } = await waiting.result();
    expect(JSON.parse(output)).toMatchObject({ id: task.id, status: 'failed' });
    expect(JSON.parse(errors)).toEqual({
      code: 'mesh.task_failed',
      detail: 'The task is failed.',
      errors: [],
    });
    expect(code).toBe(1);
    const again = await cli.run(`task ${task.id} --wait`, as('finance'));
    expect(again).toMatchObject({ code: 1, errors: 'mesh.task_failed: The task is failed.\n' });
  });

  it('give up a wait after its time', async () => {
    const { code, errors } = await cli.run(`route ${role} review --wait 0`, as('finance'));
    expect(errors).toContain('mesh.wait_timeout: ');
    expect(code).toBe(1);
  });

  it('fail with another attempt to follow, and release for later', async () => {
    const id = await route('--max-attempts', '2');
    const first = await claim(id);
    const failed = await cli.run(['fail', first.session.id, 'busy', '--retryable'], as(role));
    expect(failed.output).toBe(`session-${first.session.id} is failed (worker).\n`);

    const other = await route();
    const second = await claim(other);
    const release = [
      'release',
      second.session.id,
      '-m',
      'lunch',
      '--not-before',
      '2099-01-01T00:00:00Z',
    ];
    const released = await cli.run(release, as(role));
    expect(released.output).toBe(`session-${second.session.id} is failed (released).\n`);
    const due = await cli.run(`claim ${other}`, as(role));
    expect(due).toMatchObject({ code: 1, errors: expect.stringMatching(/^task\.not_due: /) });
  });

  it('report that no task is due with exit code 1', async () => {
    expect(await cli.run('claim', as(role))).toMatchObject({
      code: 1,
      output: '',
      errors: 'mesh.nothing_due: No task is due, or the role is paused.\n',
    });
  });

  it('cancel and retry', async () => {
    const id = await route();
    const cancelled = await cli.run(['cancel', id, '-m', 'not needed'], as('finance'));
    expect(cancelled.output).toBe(`Cancelled ${id}.\n`);
    const retried = await cli.run(`retry ${id}`, as('finance'));
    expect(retried.output).toBe(`${id} is pending, attempt 2.\n`);
    expect(await cli.run(`retry ${id}`, as('finance'))).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^task\.open: /),
    });
    const list = await cli.json<{ tasks: { id: string }[] }>(`tasks --to ${role}`, as('finance'));
    expect(list.tasks.map((task) => `task-${task.id}`)).toEqual([id]);
  });

  it('read data from a file and from standard input', async () => {
    const data = '{"from":"stdin"}';
    const { task_id } = await cli.json<{ task_id: string }>(['route', role, 'review', '-d', '@-'], {
      ...as('finance'),
      input: data,
    });
    expect((await claim(task_id)).task.data).toEqual(JSON.parse(data));
  });

  it('route once with one key, and once although the first responses are lost', async () => {
    const key = newSubject('key');
    expect(await route('--key', key)).toBe(await route('--key', key));

    const proxy = await FlakyProxy.start(mesh.url);
    const env = { ...as('finance').env, MESH_URL: proxy.url };
    await cli.json(['route', role, 'once'], { env });
    await proxy.close();
    const { tasks } = await cli.json<{ tasks: [] }>(
      `tasks --to ${role} --type once`,
      as('finance'),
    );
    expect(tasks).toHaveLength(1);
  });

  it('escape texts of others, so that they cannot control the terminal', async () => {
    const text = 'a\u001b[2J\nforged';
    await route('--description', text);
    const { output } = await cli.run('inbox', as(role));
    expect(output).toContain('a\\u001b[2J\\nforged');
    expect(output).not.toContain('\u001b');
  });

  it('act for the role of --role and MESH_ROLE', async () => {
    const token = tokenFor([newSubject('other'), role]);
    await route();
    const env = { MESH_TOKEN: token };
    expect((await cli.run(`inbox --role ${role}`, { env })).lines).toHaveLength(2);
    expect((await cli.run('inbox', { env: { ...env, MESH_ROLE: role } })).lines).toHaveLength(2);
    expect((await cli.run('inbox', { env })).output).toMatch(/^The inbox of other-\w+ is empty/);
    const foreign = await cli.run('claim --role admin', as(role));
    expect(foreign).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^auth\.role_not_held: /),
    });
  });

  it.each([
    ['task task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'task.not_found'],
    ['timeline task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'task.not_found'],
    ['task nonsense', 'request.invalid'],
    ['complete 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'session.not_found'],
    ['heartbeat 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'session.not_found'],
    ['release 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'session.not_found'],
    ['fail 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c x', 'session.not_found'],
    ['cancel 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'task.not_found'],
    ['claim 019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', 'task.not_found'],
    ['route manager review --deadline yesterday', 'request.invalid'],
    ['route manager review --priority high --parent x', 'request.invalid'],
  ])('report the code of a refusal: %s', async (command, code) => {
    const plain = await cli.run(command, as('finance'));
    expect(plain).toMatchObject({ code: 1, output: '' });
    expect(plain.errors).toMatch(new RegExp(`^${code.replace('.', '\\.')}: .+\n`));
    const { errors } = await cli.run(`${command} --json`, as('finance'));
    expect(JSON.parse(errors)).toMatchObject({ code, status: expect.any(Number) });
  });
});
