import 'reflect-metadata';
import { runController } from './controller.js';

await runController();
