import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { parseJson } from '../../../../src/common/parse-json.js';
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
      out.result({ count, file: output }, () => `Wrote ${count} events to ${output}.`);
    });
}

/** Copies an export. Returns the number of its events. */
async function copyExport({ body }: Response, target: Writable): Promise<number> {
  const source = body === null ? Readable.from([]) : Readable.fromWeb(body);
  const check = new ExportCheck();
  try {
    await pipeline(
      source.setEncoding('utf8'),
      (texts: AsyncIterable<string>) => check.copy(texts),
      target,
      { end: target !== process.stdout },
    );
  } catch (error) {
    throw error instanceof CliError ? error : incomplete(error);
  }
  return check.count;
}

/** Compares the lines of an export with its last line. */
class ExportCheck {
  /** Number of events. */
  count = 0;
  private readonly hash = createHash('sha256');

  /**
   * Yields the lines of an export. Holds back the last one.
   *
   * @throws CliError if the last line does not match the others
   */
  async *copy(texts: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
    let last: string | undefined;
    for await (const line of linesOf(texts)) {
      if (last !== undefined) {
        this.hash.update(`${last}\n`);
        this.count += 1;
        yield `${last}\n`;
      }
      last = line;
    }
    if (last === undefined || !isEndOf(last, this.count, this.hash.digest('hex')))
      throw incomplete();
    yield `${last}\n`;
  }
}

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const text of texts) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function isEndOf(line: string, count: number, digest: string): boolean {
  const end = parseJson(line);
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
