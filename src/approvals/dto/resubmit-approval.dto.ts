import { PickType } from '@nestjs/swagger';
import { CreateApprovalDto } from './create-approval.dto.js';

/** Changes to an approval that is resubmitted. Absent members keep their values. */
export class ResubmitApprovalDto extends PickType(CreateApprovalDto, [
  'reason',
  'payload',
  'expires_in_seconds',
  'repeat',
] as const) {}
