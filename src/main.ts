import 'reflect-metadata';
import './observability/telemetry.js';
import { runController } from './controller.js';
import { disablePretenuring } from './v8-flags.js';

disablePretenuring();
await runController();
