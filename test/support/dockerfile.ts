import { readFileSync } from 'node:fs';

export interface Instruction {
  /** In capital letters. */
  readonly keyword: string;
  readonly value: string;
}

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of the Dockerfile, in order. The arguments before the first stage are left out. */
export function readDockerfile(file = 'Dockerfile'): readonly Stage[] {
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  const lines = readFileSync(file, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  for (const line of lines) {
    const [, keyword = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const [, from = '', name = ''] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? [];
    if (name !== '') stages.push({ name, from, instructions: [] });
    else stages.at(-1)?.instructions.push({ keyword, value });
  }
  return stages;
}

/** Paths that a COPY instruction names, without the target, and the stage that it copies from. */
export function copied({ value }: Instruction): {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
} {
  const words = value.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}
