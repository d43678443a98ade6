/**
 * How fast the controller is: beside a hand-written server and beside Postgres itself, round by round in one run on one
 * machine, so that the ratios mean something where the numbers do not. See docs/performance.md.
 *
 *     npm run bench -- [--case NAME]… [--connections N]… [--rounds N] [--seconds N] [--before DIST] [--node PATH]
 *         [--profile FOLDER]
 *     npm run bench -- --growth
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { CASES } from './cases.js';
import { growth } from './growth.js';
import { pgbench } from './pgbench.js';
import { type Group, judge, line, title } from './report.js';
import { Load, sample } from './rounds.js';
import { Ground, System } from './systems.js';

const { values: options } = parseArgs({
  options: {
    /** Only these cases; default: all. */
    case: { type: 'string', multiple: true },
    connections: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    dist: { type: 'string', default: 'dist' },
    /** Another build, to compare with. */
    before: { type: 'string' },
    /** The Node that runs the servers. Default: the one that runs the benchmark. */
    node: { type: 'string', default: process.execPath },
    /** Only what becomes of some answers as tables grow; takes some minutes to fill them. */
    growth: { type: 'boolean', default: false },
    /** Where to leave a profile of the controller's processor time. */
    profile: { type: 'string' },
  },
});
const cases = options.case ?? Object.keys(CASES);
const connections = (options.connections ?? ['1', '16', '64']).map(Number);
const seconds = Number(options.seconds);
/**
 * For each case, just before it. Until then V8 is still compiling what a request goes through; and what is not used for
 * some seconds it forgets again.
 */
const WARM_UP_SECONDS = 8;

const version = execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim();
write(`Servers on Node ${version.replace('v', '')}`);

const ground = await Ground.lay(options.node);
const load = Load.start();
const systems: System[] = [];
try {
  if (options.growth) process.exitCode = (await growth(ground, load, options.case)) ? 0 : 1;
  else await compare();
} finally {
  load.stop();
  await Promise.all(systems.map((system) => system.stop()));
  await ground.clear();
}

async function compare(): Promise<void> {
  const { profile, before, dist } = options;
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  systems.push(await System.controller(ground, 'controller', dist, flags));
  if (profile === undefined) systems.push(await System.handWritten(ground));
  if (before !== undefined) systems.push(await System.before(ground, before));
  await bench();
}

async function bench(): Promise<void> {
  const alone = await ground.database();
  const groups: Group[] = [];
  write(title());
  for (const name of cases) {
    for (const system of systems) {
      await sample({ ground, load }, system, name, ground.tokens(16), WARM_UP_SECONDS);
    }
    for (const count of connections) {
      const tokens = ground.tokens(count);
      const group: Group = { name, connections: count, samples: {}, alone: [] };
      for (let round = 0; round < Number(options.rounds); round += 1) {
        for (const system of rotated(systems, round)) {
          const taken = await sample({ ground, load }, system, name, tokens, seconds);
          (group.samples[system.name] ??= []).push(taken);
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
  process.exitCode = kept ? 0 : 1;
}

/** Each system is the first of a round equally often: what runs before it, such as pgbench, affects its figures. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}
