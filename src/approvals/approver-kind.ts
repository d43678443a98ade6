/** Who may decide an approval: any subject of the role, or people only. */
export const APPROVER_KINDS = ['any', 'human'] as const;
export type ApproverKind = (typeof APPROVER_KINDS)[number];
