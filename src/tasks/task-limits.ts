/** How long an attempt may be limited to (`max_run_seconds`): half a minute to a week. */
export const RUN_SECONDS = { min: 30, max: 604_800 };
