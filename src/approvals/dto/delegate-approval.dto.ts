import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { IsNotBlank, IsRoleName } from '../../http/validators.js';

export class DelegateApprovalDto {
  @ApiProperty({ description: 'The role that decides from now on.', example: 'legal' })
  @IsRoleName()
  role: string;

  @ApiProperty({
    minLength: 1,
    maxLength: 1_000,
    description: 'Why the decision is delegated. Stored in the audit log.',
    example: 'It is a matter of contract',
  })
  @IsString()
  @Length(1, 1_000)
  @IsNotBlank()
  reason: string;
}
