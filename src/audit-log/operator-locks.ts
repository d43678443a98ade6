/** Advisory locks of the commands that change or delete events: arbitrary numbers, equal in all processes. */
export const ERASURE_LOCK = 4_071_976_320;
export const ARCHIVE_LOCK = 4_071_976_322;
