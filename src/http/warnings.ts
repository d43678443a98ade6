import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Codes of warnings; docs/compatibility.md explains each. */
export const WARNING_CODES = ['task.unknown_member', 'task.unseen_role'] as const;

/** A part of a request that was accepted and may not do what its sender meant. */
export class WarningDto {
  @ApiProperty({ enum: WARNING_CODES, example: 'task.unknown_member' })
  code: (typeof WARNING_CODES)[number];

  @ApiProperty({ example: 'The member is not known and was moved to task.data.' })
  message: string;

  @ApiPropertyOptional({
    description: 'A JSON Pointer (RFC 6901) to the member of the request.',
    example: '/task/amount',
  })
  pointer?: string;
}

const warnings = new WeakMap<object, readonly WarningDto[]>();

/** Keeps the warnings about an input with the DTO that was made of it. */
export function keepWarnings(dto: object, found: readonly WarningDto[]): void {
  if (found.length > 0) warnings.set(dto, found);
}

/** The warnings about the input that a DTO was made of. */
export function warningsOf(dto: object): readonly WarningDto[] {
  return warnings.get(dto) ?? [];
}
