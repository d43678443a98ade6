/** Exit codes. `mesh verify` has those of `mesh-verify`. */
export const EXIT = { done: 0, refused: 1, usage: 2 } as const;

/** An error of the command line itself. Its code begins with `mesh.`. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: string,
    detail: string,
    readonly exitCode: number = EXIT.refused,
  ) {
    super(detail);
  }
}

/** The command line is wrong: an argument, an option or a variable. */
export function usageError(detail: string): CliError {
  return new CliError('mesh.usage', detail, EXIT.usage);
}
