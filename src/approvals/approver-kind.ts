/** Kinds of approvers: any subject of the role, or only people. */
export const APPROVER_KINDS = ['any', 'human'] as const;
export type ApproverKind = (typeof APPROVER_KINDS)[number];
