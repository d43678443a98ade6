import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'Numbers of what waits for the caller.' })
export class WaitingDto {
  @ApiProperty({
    type: 'integer',
    description: 'Approvals that the caller can decide now. 100 means 100 or more.',
    example: 3,
  })
  approvals: number;
}
