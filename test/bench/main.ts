/**
 * How fast the controller is: beside hand-written servers and beside Postgres itself, round by round in one run on one
 * machine, so that the ratios mean something where the numbers do not. See docs/performance.md.
 *
 *     npm run bench -- [--case NAME]… [--connections N]… [--rounds N] [--seconds N] [--processes N]
 *         [--before DIST] [--before-sql SQL] [--node PATH] [--profile FOLDER]
 *     npm run bench -- --events [--rounds N] [--seconds N]
 *     npm run bench -- --growth [--case BEGINNING]… [--size TASKS]…
 *     npm run bench -- --cost [--tasks N] [--size TASKS]
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { CASES } from './cases.js';
import { cost } from './cost.js';
import { METERED } from './cost-meter.js';
import { events } from './events.js';
import { growth } from './growth.js';
import { pgbench } from './pgbench.js';
import { Group } from './group.js';
import { judge, line, title } from './report.js';
import { Load, sample } from './rounds.js';
import { Ground, System } from './systems.js';
import { warmUp } from './warm-up.js';

const { values: options } = parseArgs({
  options: {
    /** Only these cases; default: all. */
    case: { type: 'string', multiple: true },
    connections: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    /** Of each system. Processes of one build differ, because V8 optimizes each of them differently. */
    processes: { type: 'string', default: '2' },
    dist: { type: 'string', default: 'dist' },
    /** Another build, to compare with. */
    before: { type: 'string' },
    /** SQL that changes the schema of the build to compare with, which is then this build by default. */
    'before-sql': { type: 'string' },
    /** The Node that runs the servers. Default: the one that runs the benchmark. */
    node: { type: 'string', default: process.execPath },
    /** Only the growth of some responses with the tables, which take some minutes to fill. */
    growth: { type: 'boolean', default: false },
    /** Only the time to the delivery of events, and the cost of their readers. */
    events: { type: 'boolean', default: false },
    /** Only the cost of one task: WAL, rows, statements and CPU time. */
    cost: { type: 'boolean', default: false },
    /** Of each run of the cost. */
    tasks: { type: 'string', default: '2000' },
    /** Numbers of tasks of the tables that have grown. Default: 1,000, 100,000 and 1,000,000. */
    size: { type: 'string', multiple: true },
    /** Where to leave a profile of the controller's CPU time. */
    profile: { type: 'string' },
  },
});
const cases = options.case ?? Object.keys(CASES);
const connections = (options.connections ?? ['1', '16', '64']).map(Number);
const seconds = Number(options.seconds);
const version = execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim();
write(`Servers on Node ${version.replace('v', '')}. ${machine()}`);

const ground = await Ground.lay(options.node, options.cost ? METERED : {});
const load = Load.start();
const systems: System[] = [];
try {
  if (options.growth)
    process.exitCode = (await growth(ground, load, options.case, options.size?.map(Number)))
      ? 0
      : 1;
  else if (options.cost)
    write(
      await cost(ground, {
        dist: options.dist,
        tasks: Number(options.tasks),
        size: Number(options.size?.[0] ?? 100_000),
      }),
    );
  else if (options.events)
    write(
      await events(
        { ground, load },
        { dist: options.dist, rounds: Number(options.rounds), seconds },
      ),
    );
  else await compare();
} finally {
  load.stop();
  await Promise.all(systems.map((system) => system.stop()));
  await ground.clear();
}

async function compare(): Promise<void> {
  const { profile, dist, 'before-sql': sql } = options;
  const before = options.before ?? (sql === undefined ? undefined : dist);
  if (profile === undefined) {
    for (let process = 0; process < Number(options.processes); process += 1) {
      systems.push(await System.controller(ground, dist));
      systems.push(await System.handWritten(ground, 'express'));
      systems.push(await System.handWritten(ground, 'fastify'));
      if (before !== undefined) systems.push(await System.before(ground, before, sql));
    }
  } else {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    systems.push(await System.controller(ground, dist, flags));
  }
  await bench();
}

async function bench(): Promise<void> {
  const alone = await ground.database();
  const groups: Group[] = [];
  write(title());
  for (const name of cases) {
    await warmUp({ ground, load }, systems, name);
    for (const count of connections) {
      const tokens = ground.tokens(count);
      const group = new Group(name, count);
      for (let round = 0; round < Number(options.rounds); round += 1) {
        for (const system of inTurn(systems, round)) {
          const taken = await sample({ ground, load }, system, name, tokens, seconds);
          group.add(system, taken);
        }
        const perSecond = await pgbench(alone, name, count, seconds);
        if (perSecond !== undefined) group.alone.push(perSecond);
      }
      groups.push(group);
      write(line(group));
    }
  }
  if (options.profile !== undefined) return;
  const { text, kept } = judge(groups);
  write(text);
  write(machine());
  process.exitCode = kept ? 0 : 1;
}

/** Every second round in the opposite order: a load that rises or falls affects the first and the last system equally. */
function inTurn<T>(list: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...list] : list.toReversed();
}

/** The state of the machine. Results of a machine with other work are ratios at best. */
function machine(): string {
  const [oneMinute = NaN] = loadavg();
  return `CPUs: ${availableParallelism()}, load average: ${oneMinute.toFixed(1)}.`;
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}
