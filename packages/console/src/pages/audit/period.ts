export const PERIODS = ['hour', 'day', 'week', 'all'] as const;
export type Period = (typeof PERIODS)[number];

const MILLISECONDS: Readonly<Record<Period, number>> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  all: Infinity,
};
/** The start is rounded down, so that a list keeps its key, and its data, when the page renders again. */
const STEP_MS = 60_000;

export function isPeriod(text: string | undefined): text is Period {
  return PERIODS.some((period) => period === text);
}

/** Returns the start of a period that ends now; undefined for all times. */
export function startOf(period: Period): string | undefined {
  if (period === 'all') return undefined;
  const start = Date.now() - MILLISECONDS[period];
  return new Date(Math.floor(start / STEP_MS) * STEP_MS).toISOString();
}
