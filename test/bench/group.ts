import type { Sample } from './rounds.js';
import type { System } from './systems.js';

/** All rounds of one case at one number of connections. */
export class Group {
  /** Transactions per second that pgbench made. */
  readonly alone: number[] = [];
  /** By process, in the order in which they started; of each process one sample a round. */
  private readonly samples = new Map<System, Sample[]>();

  constructor(
    readonly name: string,
    readonly connections: number,
  ) {}

  add(system: System, sample: Sample): void {
    const samples = this.samples.get(system) ?? [];
    samples.push(sample);
    this.samples.set(system, samples);
  }

  /** The median of all processes of a system. */
  median(system: string, member: keyof Sample): number {
    return median(this.valuesOf(system, member).flat());
  }

  /**
   * The median of the ratios of the controller to another system in each round. The rounds of a ratio are seconds apart, so
   * that other work on the machine, which comes and goes, affects both.
   */
  ratioTo(system: string, member: keyof Sample): number {
    const own = this.valuesOf('controller', member);
    const others = this.valuesOf(system, member);
    return median(
      others.flatMap((values, process) =>
        values.map((value, round) => (own[process]?.[round] ?? NaN) / value),
      ),
    );
  }

  ratioToAlone(): number {
    const [own = []] = this.valuesOf('controller', 'perSecond');
    return median(this.alone.map((value, round) => (own[round] ?? NaN) / value));
  }

  /** How far processes of the same build differ: the highest of their medians, relative to the lowest. */
  spread(member: keyof Sample): number {
    const medians = this.valuesOf('controller', member).map(median);
    return Math.max(...medians) / Math.min(...medians);
  }

  private valuesOf(name: string, member: keyof Sample): number[][] {
    return [...this.samples]
      .filter(([system]) => system.name === name)
      .map(([, samples]) => samples.map((sample) => sample[member]));
  }
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
