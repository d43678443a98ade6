#!/usr/bin/env node
import { CommanderError } from 'commander';
import { CredentialsError, MeshError, ProblemError } from '@agent-mesh/client';
import { oneLine } from '../../../src/common/one-line.js';
import { CliError, EXIT } from './failure.js';
import { createProgram } from './program.js';

/** A reader such as `head` closes the pipe when it has enough. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
});

const program = createProgram();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, program.opts<{ json?: boolean }>().json === true);
}

/** Writes an error to standard error. Returns the exit code. */
function report(error: unknown, isJson: boolean): number {
  // Commander has written the message, or the help that was requested.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const problem = problemOf(error);
  if (isJson) process.stderr.write(`${JSON.stringify(problem)}\n`);
  else {
    const { code, detail, errors = [] } = problem;
    const lines =
      errors.length > 1 ? errors.map(({ pointer, message }) => `- ${pointer}: ${message}`) : [];
    for (const line of [`${code}: ${detail}`, ...lines]) process.stderr.write(`${oneLine(line)}\n`);
  }
  return error instanceof CliError ? error.exitCode : EXIT.refused;
}

function problemOf(error: unknown) {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof CliError) return { code: error.code, detail: error.message, errors: [] };
  if (error instanceof MeshError || error instanceof CredentialsError)
    return { code: error.code, detail: error.message, errors: [] };
  throw error;
}
