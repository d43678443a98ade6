import { PickType } from '@nestjs/swagger';
import { CreateApprovalDto } from './create-approval.dto.js';

/** What is to be different when an approval is asked for anew; the rest stays as it was. */
export class ResubmitApprovalDto extends PickType(CreateApprovalDto, [
  'reason',
  'payload',
  'expires_in_seconds',
  'repeat',
] as const) {}
