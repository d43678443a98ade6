/** Message to a worker process: where and how to claim tasks. */
export interface WorkOrder {
  url: string;
  token: string;
  task_type: string;
  lease_seconds: number;
}

/** Message from a worker process. */
export interface WorkReport {
  event: 'ready' | 'claimed' | 'finished' | 'refused' | 'failed';
  /** Description of the task; for `failed`, the error message. */
  about: string;
  attempt: number;
}
