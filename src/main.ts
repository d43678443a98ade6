import 'reflect-metadata';
import { runController } from './controller.js';
import { keepRequestsYoung } from './garbage-collection.js';

keepRequestsYoung();
await runController();
