import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { CliError } from '../failure.js';
import { given } from '../input.js';

interface ExportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly task?: string;
  readonly trace?: string;
  readonly type?: string;
  readonly output?: string;
}

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('Read the audit log.');

  audit
    .command('export')
    .description(
      'Write the events that you can read as JSON lines, oldest first. The count and the digest in the last line are checked: exit code 1 if the export is incomplete.',
    )
    .option('--from <time>', 'only events from this time on (RFC 3339)')
    .option('--to <time>', 'only events before this time (RFC 3339)')
    .option('--task <task>', 'only events of this task')
    .option('--trace <id>', 'only events of this trace')
    .option('--type <type>', 'only events of this type')
    .option('-o, --output <file>', 'file to write; default: standard output')
    .action(async (options: ExportOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const { from, to, task, trace, type, output } = options;
      const filter = given({ from, to, task_id: task, trace_id: trace, event_type: type });
      const response = await mesh.audit.export(filter);
      const target = output === undefined ? process.stdout : createWriteStream(output);
      const count = await copyExport(response, target);
      if (output === undefined) return;
      target.end();
      await finished(target);
      out.result({ count, file: output }, () => `Wrote ${count} events to ${output}.`);
    });
}

/** Copies an export. Returns the number of its events. */
async function copyExport({ body }: Response, target: Writable): Promise<number> {
  const hash = createHash('sha256');
  let count = 0;
  let last: string | undefined;
  const write = async (line: string): Promise<void> => {
    if (!target.write(`${line}\n`)) await once(target, 'drain');
  };
  try {
    for await (const line of linesOf(body)) {
      if (last !== undefined) {
        hash.update(`${last}\n`);
        count += 1;
        await write(last);
      }
      last = line;
    }
  } catch (error) {
    throw incomplete(error);
  }
  if (last === undefined || !isEndOf(last, count, hash.digest('hex'))) throw incomplete();
  await write(last);
  return count;
}

function linesOf(body: Response['body']): AsyncIterable<string> {
  const input = body === null ? Readable.from([]) : Readable.fromWeb(body);
  return createInterface({ input, crlfDelay: Infinity });
}

function isEndOf(line: string, count: number, digest: string): boolean {
  const end: unknown = JSON.parse(line);
  return (
    typeof end === 'object' &&
    end !== null &&
    'event_type' in end &&
    end.event_type === 'export_completed' &&
    'count' in end &&
    end.count === count &&
    'digest' in end &&
    end.digest === digest
  );
}

function incomplete(cause?: unknown): CliError {
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new CliError('mesh.export_incomplete', `The export is incomplete${reason}. Export again.`);
}
