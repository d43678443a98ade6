import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { WholeNumber } from '../config/variable.js';

/** How much of a list to give, and from where. */
export class CursorQuery {
  @ApiPropertyOptional({
    minimum: 1,
    maximum: 100,
    default: 20,
    type: 'integer',
    description:
      'How much at most: a page of very large things, of some 4 MB together, ends before that, and `next_cursor` goes on there.',
  })
  @IsOptional()
  @WholeNumber(1, 100)
  page_size: number = 20;

  @ApiPropertyOptional({
    maxLength: 200,
    description: 'Where the page before ended: its `next_cursor`.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  cursor?: string;
}
