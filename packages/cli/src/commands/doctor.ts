import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Caller } from '@agent-mesh/client';
import { type Context, contextOf } from '../context.js';
import { CliError } from '../failure.js';
import { messageOf } from '../input.js';
import { cellText } from '../output.js';
import { findTokenSource } from '../token-source.js';
import { VERSION } from '../../../../src/version.js';

/** The controller accepts this difference between the clocks. */
const SKEW_SECONDS = 60;
const REQUEST_MS = 10_000;

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'Check the settings, the controller, the clock and the token. Exit code 1 if a check fails.',
    )
    .action(async (_: object, command: Command) => {
      const context = contextOf(command);
      const checks = [
        ...(await checkController(context)),
        checkStore(context),
        await checkToken(context),
      ];
      context.out.result({ url: context.url, checks }, () =>
        checks.map(
          ({ ok, name, detail }) => `${ok ? 'ok  ' : 'FAIL'}  ${name}: ${cellText(detail)}`,
        ),
      );
      const failed = checks.filter(({ ok }) => !ok);
      if (failed.length > 0)
        throw new CliError(
          'mesh.checks_failed',
          `Failed: ${failed.map(({ name }) => name).join(', ')}.`,
        );
    });
}

async function checkController({ url }: Context): Promise<Check[]> {
  try {
    const response = await fetch(`${url}/health`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const health = (await response.json()) as Partial<Record<string, string>>;
    if (health.version === undefined || health.status === undefined)
      return [failed('controller', `${url} does not respond as a controller does`)];
    const { status, version, database, database_reason } = health;
    const reason = database_reason === undefined ? '' : `, ${database_reason}`;
    return [
      passed('controller', `${url}, version ${version} (mesh ${VERSION})`),
      {
        name: 'health',
        ok: status === 'healthy',
        detail: `${status}, database ${String(database)}${reason}`,
      },
      checkClock(response.headers.get('date')),
    ];
  } catch (error) {
    return [failed('controller', `${url} does not respond: ${causeOf(error)}`)];
  }
}

function checkClock(date: string | null): Check {
  const seconds = Math.round(Math.abs(Date.parse(date ?? '') - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return passed('clock', 'the response has no date');
  return seconds > SKEW_SECONDS
    ? failed('clock', `it differs from that of the controller by ${seconds} s`)
    : passed('clock', `it differs from that of the controller by ${seconds} s at most`);
}

/** Others must not be able to read the stored logins. */
function checkStore({ store }: Context): Check {
  try {
    const { mode } = statSync(store.file);
    return process.platform !== 'win32' && (mode & 0o077) !== 0
      ? failed('logins', `${store.file} can be read by others: chmod 600`)
      : passed('logins', store.file);
  } catch {
    return passed('logins', 'none is stored');
  }
}

async function checkToken(context: Context): Promise<Check> {
  try {
    const source = findTokenSource(context.url, context.store)?.description;
    const me = await context.mesh.me({ maxRetries: 0 });
    return passed('token', `${source ?? ''}: ${identity(me)}`);
  } catch (error) {
    return failed('token', messageOf(error));
  }
}

function identity({ subject, roles }: Caller): string {
  return `${subject}, acting for ${roles.join(', ') || 'no role'}`;
}

function passed(name: string, detail: string): Check {
  return { name, ok: true, detail };
}

function failed(name: string, detail: string): Check {
  return { name, ok: false, detail };
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return messageOf(cause);
}
