/** The embedded database cannot run; the message is one line that tells a person what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  /** Turns any failure into one line, and leaves an `EmbeddedPostgresError` as it is. */
  static from(error: unknown, dataDir: string): EmbeddedPostgresError {
    if (error instanceof EmbeddedPostgresError) return error;
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    return new EmbeddedPostgresError(
      `The embedded PostgreSQL cannot run in ${dataDir}: ${reason}. Make the folder usable, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** Folds a text of several lines into one. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
