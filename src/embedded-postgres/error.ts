/** The embedded database cannot run. The message is one line and contains the fix. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  /** Converts any error into one with a message of one line. Returns an `EmbeddedPostgresError` unchanged. */
  static from(error: unknown, dataDir: string): EmbeddedPostgresError {
    if (error instanceof EmbeddedPostgresError) return error;
    const reason = joinLines(error instanceof Error ? error.message : String(error));
    return new EmbeddedPostgresError(
      `The embedded PostgreSQL cannot run in ${dataDir}: ${reason}. Make the folder usable, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** Joins the lines of a text into one line. */
export function joinLines(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
