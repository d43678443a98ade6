import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildPrograms, type Programs } from './build-programs.js';

/**
 * The commit that rolling upgrades start from. Until a release has a tag, it is the last commit before the event log, whose
 * last migration is 1764000013000.
 */
export const PREVIOUS_RELEASE = '42c95d0f61f51af73cefff56d0966a5550856b07';

const SOURCES = ['src', 'migrations'];
const run = promisify(execFile);

/** The previous release from the history of this repository, as programs that plain Node runs. */
export async function buildPreviousRelease(): Promise<Programs> {
  const root = await mkdtemp(join(tmpdir(), 'agent-mesh-previous-'));
  try {
    await extract(root);
    return await buildPrograms(root, SOURCES, []);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function extract(root: string): Promise<void> {
  const archive = join(root, 'sources.tar');
  const paths = ['package.json', ...SOURCES];
  await run('git', ['archive', `--output=${archive}`, PREVIOUS_RELEASE, ...paths]).catch(
    (error: unknown) => {
      throw new Error(
        `The history of this clone lacks the previous release, commit ${PREVIOUS_RELEASE}. Run \`git fetch --unshallow\`, or clone without --depth.`,
        { cause: error },
      );
    },
  );
  await run('tar', ['-xf', archive, '-C', root]);
}
