/** Range of `max_run_seconds`, in seconds: 30 seconds to 7 days. */
export const RUN_SECONDS = { min: 30, max: 604_800 };
