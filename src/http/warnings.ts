import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';

/** Codes of warnings; docs/compatibility.md explains each. */
export const WARNING_CODES = ['task.unknown_member', 'task.unseen_role'] as const;

@ApiSchema({
  description:
    'A warning about a part of an accepted request that may not have the intended effect.',
})
export class WarningDto {
  @ApiProperty({
    description: 'Stable code of the warning.',
    enum: WARNING_CODES,
    example: 'task.unknown_member',
  })
  code: (typeof WARNING_CODES)[number];

  @ApiProperty({
    description: 'Cause of the warning, for people.',
    example: 'The member is not known and was moved to task.data.',
  })
  message: string;

  @ApiPropertyOptional({
    description: 'A JSON Pointer (RFC 6901) to the member of the request.',
    example: '/task/amount',
  })
  pointer?: string;
}

const warnings = new WeakMap<object, readonly WarningDto[]>();

/** Stores the warnings about an input with its DTO. */
export function keepWarnings(dto: object, found: readonly WarningDto[]): void {
  if (found.length > 0) warnings.set(dto, found);
}

/** Returns the warnings about the input of a DTO. */
export function warningsOf(dto: object): readonly WarningDto[] {
  return warnings.get(dto) ?? [];
}
