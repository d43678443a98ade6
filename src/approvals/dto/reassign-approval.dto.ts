import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { IsNotBlank, IsRoleName } from '../../http/validators.js';

export class ReassignApprovalDto {
  @ApiProperty({ description: 'The role that decides from now on.', example: 'cfo' })
  @IsRoleName()
  role: string;

  @ApiProperty({
    minLength: 1,
    maxLength: 1_000,
    description: 'Why the role before cannot decide; the audit log keeps it.',
    example: 'Nobody holds the role any more',
  })
  @IsString()
  @Length(1, 1_000)
  @IsNotBlank()
  reason: string;
}
