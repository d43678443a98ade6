import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditController } from './audit.controller.js';
import { AuditEvent } from './audit-event.entity.js';
import { AuditReaderService } from './audit-reader.service.js';
import { AuditRepository } from './audit.repository.js';
import { AuditService } from './audit.service.js';
import { AccessDenialsService } from './access-denials.service.js';
import { IngestService } from './ingest.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([AuditEvent])],
  controllers: [AuditController],
  providers: [
    AuditRepository,
    AuditService,
    AuditReaderService,
    AccessDenialsService,
    IngestService,
  ],
  exports: [AuditRepository, AuditService, AccessDenialsService],
})
export class AuditModule {}
