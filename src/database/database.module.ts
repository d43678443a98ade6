import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Environment } from '../config/environment.js';
import { DataSource } from 'typeorm';
import { DatabaseClockService } from './database-clock.service.js';
import { DatabaseStartupService } from './database-startup.service.js';
import { databaseOptions } from './database-options.js';
import { DeploymentService } from './deployment.service.js';
import { HeartbeatDataSource } from './heartbeat-data-source.js';
import { PoolMetricsService } from './pool-metrics.service.js';
import { ServiceHeartbeatService } from './service-heartbeat.service.js';
import { WorkNotifierService } from './work-notifier.service.js';
import { PreparedStatementNames } from './pipeline.js';
import { SweeperService } from './sweeper.service.js';
import { TransactionsService } from './transactions.service.js';

/** The connection pool of the application. */
@Global()
@Module({})
export class DatabaseModule {
  /** @param url the URL of the database */
  static forRoot(url: string): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Environment],
          useFactory: ({ DATABASE_POOL_SIZE }: Environment) => ({
            ...databaseOptions(url, DATABASE_POOL_SIZE),
            autoLoadEntities: true,
            manualInitialization: true,
          }),
        }),
      ],
      providers: [
        TransactionsService,
        ServiceHeartbeatService,
        { provide: HeartbeatDataSource, useFactory: () => new HeartbeatDataSource(url) },
        DatabaseClockService,
        DeploymentService,
        SweeperService,
        PoolMetricsService,
        {
          provide: PreparedStatementNames,
          inject: [Environment],
          useFactory: ({ DATABASE_PREPARED_STATEMENTS }: Environment) =>
            new PreparedStatementNames(DATABASE_PREPARED_STATEMENTS),
        },
        {
          provide: DatabaseStartupService,
          inject: [DataSource, Environment],
          useFactory: (
            dataSource: DataSource,
            { DATABASE_DIRECT_URL, MIGRATE_ON_START }: Environment,
          ) => new DatabaseStartupService(dataSource, DATABASE_DIRECT_URL ?? url, MIGRATE_ON_START),
        },
        {
          provide: WorkNotifierService,
          inject: [TransactionsService, Environment],
          useFactory: (transactions: TransactionsService, environment: Environment) =>
            new WorkNotifierService(transactions, environment.DATABASE_DIRECT_URL ?? url),
        },
      ],
      exports: [
        TransactionsService,
        ServiceHeartbeatService,
        DatabaseClockService,
        DeploymentService,
        SweeperService,
        WorkNotifierService,
      ],
    };
  }
}
