import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { A2aModule } from './a2a/a2a.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuditLogModule } from './audit-log/audit-log.module.js';
import { HeadHeaderGuard } from './audit-log/head-header.guard.js';
import { AccessDenialsFilter } from './audit/access-denials.filter.js';
import { AuthModule } from './auth/auth.module.js';
import { JwtGuard } from './auth/jwt.guard.js';
import { PolicyInterceptor } from './auth/policy.interceptor.js';
import type { Environment } from './config/environment.js';
import type { SecretFiles } from './config/load-environment.js';
import { EnvironmentModule } from './config/environment.module.js';
import { DatabaseModule } from './database/database.module.js';
import { EventsModule } from './events/events.module.js';
import { HealthModule } from './health/health.module.js';
import { NoQueryGuard } from './http/no-query.guard.js';
import { RouteNotFoundFilter } from './http/route-not-found.filter.js';
import { StrictPathGuard } from './http/strict-path.guard.js';
import { InputPipe } from './http/input.pipe.js';
import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { McpModule } from './mcp/mcp.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { SubjectLimitGuard } from './limits/subject-limit.guard.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { OverviewModule } from './overview/overview.module.js';
import { ReceiptsModule } from './receipts/receipts.module.js';
import { RedisModule } from './redis/redis.module.js';
import { RolesModule } from './roles/roles.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { TasksModule } from './tasks/tasks.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The application. Its guards, interceptors, pipes and filters apply to every request, in the order of the list. */
@Module({
  imports: [
    ObservabilityModule,
    RedisModule,
    LimitsModule,
    AuthModule,
    AuditModule,
    EventsModule,
    AuditLogModule,
    RolesModule,
    LifecycleModule,
    TasksModule,
    SessionsModule,
    ApprovalsModule,
    ReceiptsModule,
    OverviewModule,
    IdempotencyModule,
    WebhooksModule,
    McpModule,
    HealthModule,
  ],
  providers: [
    { provide: APP_GUARD, useClass: JwtGuard },
    { provide: APP_GUARD, useClass: SubjectLimitGuard },
    { provide: APP_GUARD, useClass: HeadHeaderGuard },
    { provide: APP_GUARD, useClass: StrictPathGuard },
    { provide: APP_GUARD, useClass: NoQueryGuard },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
    { provide: APP_INTERCEPTOR, useClass: PolicyInterceptor },
    { provide: APP_PIPE, useClass: InputPipe },
    { provide: APP_FILTER, useClass: AccessDenialsFilter },
    { provide: APP_FILTER, useClass: RouteNotFoundFilter },
  ],
})
export class AppModule {
  /**
   * @param databaseUrl the URL of the configured database, or of the embedded one after its start
   * @param files the files of secrets that are read again when they are used
   */
  static forRoot(
    environment: Environment,
    databaseUrl: string,
    files: SecretFiles = {},
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        EnvironmentModule.forRoot(environment, files),
        DatabaseModule.forRoot(databaseUrl, files),
        ...(environment.A2A_ROLES.length > 0 ? [A2aModule] : []),
      ],
    };
  }
}
