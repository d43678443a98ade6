import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { caseOf } from './all-cases.js';
import type { Measured, Round } from './load.js';
import type { Ground, System } from './systems.js';
import { cpuOfFamily, usageOf } from './usage.js';

const REGISTER = new URL('../support/register-typescript.js', import.meta.url).href;
const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));

/** One round, with what it cost. */
export interface Sample extends Measured {
  /** Processor time of an act, in milliseconds. */
  nodeMs: number;
  postgresMs: number;
  rssMb: number;
}

/** The process that the agents run in. */
export class Load {
  private constructor(private readonly child: ChildProcess) {}

  static start(): Load {
    return new Load(fork(LOAD, { execArgv: ['--import', REGISTER] }));
  }

  async run(round: Round): Promise<Measured> {
    this.child.send(round);
    const [answer] = (await once(this.child, 'message')) as [Measured | { error: string }];
    if ('error' in answer) throw new Error(`${round.case}: ${answer.error}`);
    return answer;
  }

  stop(): void {
    this.child.kill();
  }
}

/** What all rounds of a run share. */
export interface Bench {
  ground: Ground;
  load: Load;
}

/** Lets agents do one thing to one system for a while. */
export async function sample(
  { ground, load }: Bench,
  system: System,
  name: string,
  tokens: string[],
  seconds: number,
): Promise<Sample> {
  const given = await prepared(system, name, seconds);
  const before = { node: usageOf(system.pid), postgres: cpuOfFamily(ground.postgres.pid) };
  const measured = await load.run({ url: system.url, case: name, tokens, seconds, given });
  const node = usageOf(system.pid);
  return {
    ...measured,
    nodeMs: (node.cpuMs - before.node.cpuMs) / measured.count,
    postgresMs: (cpuOfFamily(ground.postgres.pid) - before.postgres) / measured.count,
    rssMb: node.rssBytes / 2 ** 20,
  };
}

async function prepared(system: System, name: string, seconds: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: system.database });
  await client.connect();
  try {
    return (await caseOf(name).prepare?.(client, seconds)) ?? [''];
  } finally {
    await client.end();
  }
}
