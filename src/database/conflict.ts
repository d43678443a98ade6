/** The SQLSTATE of the SQL function `raise_conflict`. Its class is none of PostgreSQL's or of the SQL standard. */
export const CONFLICT = 'MC001';
