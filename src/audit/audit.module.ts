import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditController } from './audit.controller.js';
import { AuditEvent } from './audit-event.entity.js';
import { AuditReader } from './audit-reader.service.js';
import { AuditService } from './audit.service.js';
import { Denials } from './denials.service.js';
import { IngestService } from './ingest.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([AuditEvent])],
  controllers: [AuditController],
  providers: [AuditService, AuditReader, Denials, IngestService],
  exports: [AuditService, Denials],
})
export class AuditModule {}
