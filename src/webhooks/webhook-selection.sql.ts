/** Whether the event `e` is for the webhook `w`. A test event is for its webhook only, whatever its types are. */
export const IS_FOR = `
  CASE WHEN e.event_type = 'webhook_tested' THEN e.metadata->>'webhook_id' = w.id::text
       ELSE (w.types = '{*}' OR e.event_type = ANY(w.types))
            AND (w.task_id IS NULL OR e.task_id = w.task_id)
            AND (w.role IS NULL OR w.role IN ('admin', 'auditor')
                 OR EXISTS (SELECT 1 FROM task_participants p
                             WHERE p.task_id = e.task_id AND p.role = w.role))
  END`;
