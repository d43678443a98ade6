import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The roles of the verified token of a subject that was issued last. */
@Entity('subject_roles')
export class SubjectRole {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'subject_roles_pkey' })
  subject: string;

  @Column({ type: 'text', array: true })
  roles: string[];

  /** The `iat` of the token. */
  @Column({ type: 'timestamptz' })
  issued_at: Date;
}
