import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The id of the deployment; one row. */
@Entity('deployment')
@Check('deployment_one_row_ck', `id = 1`)
export class Deployment {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'deployment_pkey' })
  id: number;

  @Column({ type: 'uuid' })
  deployment_id: string;
}
