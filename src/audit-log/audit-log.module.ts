import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditHead } from './audit-head.entity.js';
import { AuditLog } from './audit-log.entity.js';
import { AuditTile } from './audit-tile.entity.js';

@Module({ imports: [TypeOrmModule.forFeature([AuditLog, AuditTile, AuditHead])] })
export class AuditLogModule {}
