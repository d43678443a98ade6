/** Condition that an event `e` is about the log itself: it explains the others, so it is neither erased nor archived. */
export const ABOUT_LOG = `e.event_type IN ('data_erased', 'audit_archived') OR e.event_type LIKE 'log\\_%'`;
