import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { buildContext } from './build-context.js';
import { copied, type Instruction, readDockerfile } from './dockerfile.js';
import { removeWithRun } from './end-with-run.js';

const run = promisify(execFile);

/**
 * The steps of the Dockerfile, repeated in folders of this machine: WORKDIR, COPY and RUN of each stage. The base image is
 * this machine with its Node. npm reads and fills its usual cache.
 */
export class ImageReplay {
  private constructor(private readonly root: string) {}

  static async build(): Promise<ImageReplay> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'agent-mesh-image-')));
    removeWithRun(root);
    const replay = new ImageReplay(root);
    try {
      await replay.pack();
      for (const { name, instructions } of readDockerfile())
        for (const instruction of instructions) await replay.execute(name, instruction);
      return replay;
    } catch (error) {
      await replay.remove();
      throw error;
    }
  }

  /** The folder of the application in the image. */
  get app(): string {
    return join(this.root, 'runtime/app');
  }

  /** The variables of the image. */
  get variables(): Record<string, string> {
    const { instructions } = readDockerfile().at(-1) ?? { instructions: [] };
    return Object.fromEntries(
      instructions
        .filter(({ keyword }) => keyword === 'ENV')
        .map(({ value }) => value.split('=') as [string, string]),
    );
  }

  /** The program and arguments of an instruction of the last stage whose value ends with a JSON array. */
  commandOf(keyword: 'CMD' | 'HEALTHCHECK'): string[] {
    const { instructions } = readDockerfile().at(-1) ?? { instructions: [] };
    const { value = '' } = instructions.find((one) => one.keyword === keyword) ?? {};
    return JSON.parse(value.slice(value.indexOf('['))) as string[];
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  /** Copies the files that `docker build` sends. */
  private async pack(): Promise<void> {
    for (const path of buildContext()) {
      const target = join(this.root, 'context', path);
      await mkdir(dirname(target), { recursive: true });
      await cp(path, target);
    }
  }

  private async execute(stage: string, instruction: Instruction): Promise<void> {
    const folder = join(this.root, stage, 'app');
    if (instruction.keyword === 'WORKDIR') {
      if (instruction.value !== '/app') throw new Error('another folder than /app is not replayed');
      await mkdir(folder, { recursive: true });
    } else if (instruction.keyword === 'COPY') {
      const { from, sources, target } = copied(instruction);
      for (const source of sources) {
        const path = from === undefined ? join('context', source) : join(from, source);
        const to = sources.length > 1 || target.endsWith('/') ? join(target, source) : target;
        await cp(join(this.root, path), join(folder, to), {
          recursive: true,
          verbatimSymlinks: true,
        });
      }
    } else if (instruction.keyword === 'RUN') {
      await run('sh', ['-e', '-c', instruction.value], { cwd: folder, env: environment() });
    }
  }
}

/** The variables of this process, without those that npm passes on to the tests that it runs. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('npm_') && !['NODE_OPTIONS', 'NODE_ENV'].includes(name),
  );
  return { ...Object.fromEntries(kept), npm_config_prefer_offline: 'true' };
}
