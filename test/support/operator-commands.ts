import { execFile } from 'node:child_process';
import { programFile } from './program-file.js';

/** The end of a command. */
export interface CommandResult {
  code: unknown;
  stdout: string;
  stderr: string;
}

/** Runs a command of the operator, such as `audit-verify`, with this environment only. */
export function runOperatorCommand(
  name: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const file = programFile(`src/${name}-command.js`);
    const options = { env: { PATH: process.env.PATH, ...env } };
    execFile(process.execPath, [file, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}
