import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { RolePause } from './role-pause.entity.js';
import { RolePausesRepository } from './role-pauses.repository.js';
import { RolePausesService } from './role-pauses.service.js';
import { RolesController } from './roles.controller.js';

@Module({
  imports: [AuditModule, TypeOrmModule.forFeature([RolePause])],
  controllers: [RolesController],
  providers: [RolePausesRepository, RolePausesService],
})
export class RolesModule {}
