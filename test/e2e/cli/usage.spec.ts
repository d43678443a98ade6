import { describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Cli, installedCli } from '../../support/cli.js';
import { ProgramRun } from '../../support/program-run.js';

const NOBODY_THERE = 'http://127.0.0.1:2';

describe('@agent-mesh/cli, installed in an empty folder', () => {
  const cli = new Cli(() => ({}));

  it('contains the command, a license and a description, and nothing else', async () => {
    expect([...(await installedCli()).files].sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/mesh.js',
      'package.json',
    ]);
  });

  it('prints its version, and the help of each command', async () => {
    expect((await cli.run('--version')).output).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await cli.run('--help');
    expect(help).toMatchObject({ code: 0, errors: '' });
    for (const command of ['route', 'audit export', 'webhooks create', 'login'])
      expect((await cli.run(`${command} --help`)).output).toContain(`Usage: mesh ${command} `);
  });

  it.each([
    ['nonsense', "unknown command 'nonsense'"],
    ['inbox --nonsense', "unknown option '--nonsense'"],
    ['route manager', "missing required argument 'type'"],
    ['route manager review extra', 'too many arguments'],
    ['route manager review -d {', 'It is not JSON'],
    ['route manager review -d 5', 'It must be a JSON object'],
    ['route manager review -d @/no/such/file', 'no such file'],
    ['route manager review --priority urgent', 'Allowed choices are low, normal, high'],
    ['route manager review --wait soon', 'It must be a whole number'],
    ['completion tcsh', 'Allowed choices are bash, zsh, fish'],
    ['claim --type ,', 'It must be a list'],
    ['audit', 'Usage: mesh audit'],
  ])('ends with 2 for a wrong command line: %s', async (command, message) => {
    const { code, output, errors } = await cli.run(command);
    expect(errors).toContain(message);
    expect({ code, output }).toEqual({ code: 2, output: '' });
  });

  it.each([
    [{ MESH_TOKEN: 'a', MESH_TOKEN_FILE: '/x' }, 'Set only one of MESH_TOKEN, MESH_TOKEN_FILE'],
    [{ MESH_TOKEN: 'a', MESH_CLIENT_ID: 'b' }, 'Set only one of MESH_TOKEN, MESH_CLIENT_ID'],
    [{ MESH_CLIENT_ID: 'b' }, 'MESH_CLIENT_ID requires MESH_CLIENT_SECRET'],
    [{ MESH_TOKEN: 'a', MESH_URL: 'localhost:8088' }, 'must be http or https'],
    [{ MESH_TOKEN: 'a', MESH_URL: 'http://a:b@localhost' }, 'without a user and a password'],
  ])('ends with 2 for wrong variables: %j', async (env, message) => {
    const { code, errors } = await cli.run('whoami', { env });
    expect(errors).toMatch(/^mesh\.usage: /);
    expect(errors).toContain(message);
    expect(code).toBe(2);
  });

  it.each([
    [{}, 'mesh.login_required'],
    [{ MESH_TOKEN_FILE: '/no/such/file' }, 'mesh.token_unreadable'],
  ])('ends with 1 without a token: %j', async (env, code) => {
    const result = await cli.run('whoami', { env: { MESH_URL: NOBODY_THERE, ...env } });
    expect(result.errors).toMatch(new RegExp(`^${code.replace('.', '\\.')}: `));
    expect(result.code).toBe(1);
  });

  it('retries, then ends with 1 if nobody responds', async () => {
    const env = { MESH_URL: NOBODY_THERE, MESH_TOKEN: tokenFor('finance') };
    const { code, errors } = await cli.run('doctor', { env });
    expect(errors).toMatch(/^mesh\.checks_failed: Failed: controller, token\.$/m);
    expect(code).toBe(1);
  });

  describe('completion', () => {
    it.each([
      ['mesh ', ['route', 'approve', 'webhooks', '--json']],
      ['mesh wat', ['watch']],
      ['mesh webhooks ', ['create', 'deliveries', 'replay']],
      ['mesh --json webhooks re', ['redeliver', 'replay']],
      ['mesh route manager review --dea', ['--deadline']],
    ])('of bash suggests words for %j', async (line, expected) => {
      const { output: script } = await cli.run('completion bash');
      const words = line.split(' ');
      const complete = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_mesh; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { output, errors } = await new ProgramRun('bash', ['-c', complete]).result();
      expect(errors).toBe('');
      expect(output.split('\n')).toEqual(expect.arrayContaining(expected));
      expect(output).not.toMatch(/^(bogus|undefined)$/m);
    });

    it('of zsh and fish contains the commands', async () => {
      expect((await cli.run('completion zsh')).output).toMatch(
        /^#compdef mesh\n[^]*'webhooks create'/,
      );
      expect((await cli.run('completion fish')).output).toMatch(
        /^complete -c mesh -n '__fish_use_subcommand' -a '.*\broute\b/m,
      );
    });
  });
});
