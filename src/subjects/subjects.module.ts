import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module.js';
import { RoleLoss } from './role-loss.entity.js';
import { SeenRole } from './seen-role.entity.js';
import { SubjectRole } from './subject-role.entity.js';
import { SubjectRolesRepository } from './subject-roles.repository.js';
import { SubjectRolesService } from './subject-roles.service.js';

/** Roles of the subjects that call the controller. */
@Module({
  imports: [AuthModule, TypeOrmModule.forFeature([SubjectRole, RoleLoss, SeenRole])],
  providers: [SubjectRolesRepository, SubjectRolesService],
  exports: [SubjectRolesService],
})
export class SubjectsModule {}
