import 'pg';

/** A part of the driver that its type definitions omit. */
declare module 'pg' {
  interface Client {
    /** Process id of the server process, as the server stated it when the connection was opened. */
    readonly processID: number | null;
  }
}
