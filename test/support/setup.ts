import 'reflect-metadata';
import { endWorkerWithRun } from './end-with-run.js';

endWorkerWithRun();
