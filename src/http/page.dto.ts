import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { WholeNumber } from '../common/whole-number.js';

/** The query parameter for the size of a page. */
export class PageSizeQuery {
  @ApiPropertyOptional({
    minimum: 1,
    maximum: 100,
    default: 20,
    type: 'integer',
    description:
      'Maximum number of items on the page. A page of about 4 MB ends earlier; `next_cursor` continues after it.',
  })
  @IsOptional()
  @WholeNumber(1, 100)
  page_size: number = 20;
}

/** Query parameters of a paginated list. */
export class CursorQuery extends PageSizeQuery {
  @ApiPropertyOptional({
    maxLength: 200,
    description: 'The `next_cursor` of the previous page. Default: the first page.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  cursor?: string;
}

/** The members of a page of a list, besides its items. */
export class PageDto {
  @ApiProperty({ type: 'integer', description: 'Requested size of a page.', example: 20 })
  page_size: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Value of `cursor` for the next page; `null` on the last page.',
    example: null,
  })
  next_cursor: string | null;
}
