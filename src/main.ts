import 'reflect-metadata';
import { runController } from './controller.js';
import { disablePretenuring } from './v8-flags.js';

disablePretenuring();
await runController();
