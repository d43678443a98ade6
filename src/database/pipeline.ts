/** The interface of the folder `pipeline/`. No other file imports from there; see its README. */
export { type ConflictOn, RAISED_CONFLICT } from './pipeline/conflict.js';
export { Deferred, valueOfDeferred } from './pipeline/deferred.js';
export { attachPipeline, Pipeline, pipelineOf } from './pipeline/pipeline.js';
export { PreparedStatementNames } from './pipeline/prepared-statement-names.js';
export { ReadBatcher } from './pipeline/read-batcher.js';
export { type Result, SkippedStatementError } from './pipeline/statement-batch.js';
