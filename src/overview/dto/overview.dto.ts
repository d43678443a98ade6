import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'Numbers of tasks.' })
class TaskCountsDto {
  @ApiProperty({ type: 'integer', description: 'Pending tasks.', example: 12 })
  pending: number;

  @ApiProperty({ type: 'integer', description: 'Active tasks.', example: 3 })
  active: number;

  @ApiProperty({ type: 'integer', description: 'Tasks whose attempts are used up.', example: 0 })
  dead: number;
}

@ApiSchema({ description: 'Numbers of approvals.' })
class ApprovalCountsDto {
  @ApiProperty({ type: 'integer', description: 'Pending approvals.', example: 5 })
  pending: number;

  @ApiProperty({
    type: 'integer',
    description: 'Approvals that the caller can decide now. 100 means 100 or more.',
    example: 2,
  })
  waiting_for_me: number;
}

@ApiSchema({ description: 'The work of one role.' })
export class RoleQueueDto {
  @ApiProperty({ description: 'The role.', example: 'manager' })
  role: string;

  @ApiProperty({ type: 'integer', description: 'Its pending tasks.', example: 12 })
  pending: number;

  @ApiProperty({ type: 'integer', description: 'Its active tasks.', example: 3 })
  active: number;

  @ApiProperty({
    type: 'integer',
    description: 'Pending approvals that it decides.',
    example: 2,
  })
  approvals: number;

  @ApiProperty({
    type: Date,
    nullable: true,
    description: 'When its oldest pending task was routed. Null: no task is pending.',
    example: '2026-11-28T09:40:12.345Z',
  })
  oldest_pending_at: Date | null;
}

@ApiSchema({ description: 'The tasks that were routed in one hour.' })
export class HourDto {
  @ApiProperty({ type: Date, description: 'Start of the hour.', example: '2026-11-28T09:00:00Z' })
  start: Date;

  @ApiProperty({ type: 'integer', description: 'Tasks routed in this hour.', example: 41 })
  routed: number;
}

@ApiSchema({ description: 'The decisions of the last 24 hours.' })
export class DecisionCountsDto {
  @ApiProperty({ type: 'integer', description: 'Approvals decided.', example: 17 })
  count: number;

  @ApiProperty({
    type: 'number',
    nullable: true,
    description:
      'Median time from request to decision in seconds, of the latest decisions, at most 501. Null: there is none.',
    example: 94.5,
  })
  median_seconds: number | null;
}

@ApiSchema({ description: 'Numbers of the work that a caller may see.' })
export class OverviewDto {
  @ApiProperty({
    type: 'integer',
    description:
      'The number up to which rows are counted: a count of this value means as many or more.',
    example: 10000,
  })
  counted_to: number;

  @ApiProperty({ type: TaskCountsDto, description: 'Tasks that the caller may see.' })
  tasks: TaskCountsDto;

  @ApiProperty({ type: ApprovalCountsDto, description: 'Approvals that the caller may see.' })
  approvals: ApprovalCountsDto;

  @ApiProperty({
    type: [RoleQueueDto],
    description: 'Roles with open work, at most 200, those with most pending work first.',
  })
  roles: RoleQueueDto[];

  @ApiProperty({
    type: [HourDto],
    description: 'The last 24 hours of UTC, the present one last.',
  })
  hours: HourDto[];

  @ApiProperty({ type: DecisionCountsDto, description: 'Decisions of the last 24 hours.' })
  decisions: DecisionCountsDto;

  @ApiProperty({
    type: 'integer',
    description: 'Attempts opened in the last 24 hours that ended because their lease was lost.',
    example: 1,
  })
  leases_lost: number;
}
