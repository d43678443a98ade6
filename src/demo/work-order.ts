/** What a worker's process is told to do. */
export interface WorkOrder {
  url: string;
  token: string;
  task_type: string;
  lease_seconds: number;
}

/** What it tells of it. */
export interface WorkReport {
  event: 'ready' | 'claimed' | 'finished' | 'refused' | 'failed';
  /** The task and which attempt at it; of `failed`, what went wrong. */
  about: string;
  attempt: number;
}
