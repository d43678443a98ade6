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
    description: 'Why the approver role cannot decide. Stored in the audit log.',
    example: 'The role has no holder any more',
  })
  @IsString()
  @Length(1, 1_000)
  @IsNotBlank()
  reason: string;
}
