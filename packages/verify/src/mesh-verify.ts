#!/usr/bin/env node
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { runVerify } from './verify-command.js';

process.exitCode = await runVerify(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  input: () => buffer(process.stdin),
});
