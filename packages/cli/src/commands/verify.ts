import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { runVerify } from '@agent-mesh/verify';
import type { GlobalOptions } from '../context.js';

/** Passes its arguments to `mesh-verify`. The exit codes are those of that command. */
export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description('Verify approval receipts and audit bundles offline, as mesh-verify does.')
    .argument('[args...]', 'arguments of mesh-verify; without any, its help')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (args: string[], _: object, command: Command) => {
      // The program takes --json from the arguments of every command.
      const { json } = command.optsWithGlobals<GlobalOptions>();
      const all = args.length === 0 ? ['--help'] : [...args, ...(json === true ? ['--json'] : [])];
      process.exitCode = await runVerify(all, {
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
        input: () => buffer(process.stdin),
      });
    });
}
