import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Environment } from '../config/environment.js';
import { DataSource } from 'typeorm';
import type { SecretFiles } from '../config/load-environment.js';
import { DatabaseAddresses } from './database-addresses.js';
import { DatabaseClockService } from './database-clock.service.js';
import { DatabaseHealthService } from './database-health.service.js';
import { DatabaseStartupService } from './database-startup.service.js';
import { databaseOptions } from './database-options.js';
import { DeploymentService } from './deployment.service.js';
import { HeartbeatDataSource } from './heartbeat-data-source.js';
import { NotificationListenerService } from './notification-listener.service.js';
import { PoolMetricsService } from './pool-metrics.service.js';
import { OutageRecoveryService } from './outage-recovery.service.js';
import { ServiceHeartbeatService } from './service-heartbeat.service.js';
import { WorkNotifierService } from './work-notifier.service.js';
import { ListReadsService } from './replica/list-reads.service.js';
import { ReadReplicaService } from './replica/read-replica.service.js';
import { ReplicaConnections } from './replica/replica-connections.js';
import { ReplicaMetricsService } from './replica/replica-metrics.service.js';
import { PreparedStatementNames } from './pipeline.js';
import { SweeperService } from './sweeper.service.js';
import { TransactionsService } from './transactions.service.js';
import { WriteFailuresService } from './write-failures.service.js';

/** The connection pool of the application. */
@Global()
@Module({})
export class DatabaseModule {
  /**
   * @param url the URL of the database
   * @param files the files of secrets that are read again for new connections
   */
  static forRoot(url: string, files: SecretFiles): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Environment],
          useFactory: (environment: Environment) => {
            const { pooled, settings } = new DatabaseAddresses(url, environment, files);
            return {
              ...databaseOptions(pooled, environment.DATABASE_POOL_SIZE, settings),
              autoLoadEntities: true,
              manualInitialization: true,
            };
          },
        }),
      ],
      providers: [
        TransactionsService,
        OutageRecoveryService,
        ServiceHeartbeatService,
        {
          provide: DatabaseAddresses,
          inject: [Environment],
          useFactory: (environment: Environment) => new DatabaseAddresses(url, environment, files),
        },
        {
          provide: HeartbeatDataSource,
          inject: [DatabaseAddresses],
          useFactory: ({ pooled, settings }: DatabaseAddresses) =>
            new HeartbeatDataSource(pooled, settings),
        },
        WriteFailuresService,
        DatabaseHealthService,
        DatabaseClockService,
        DeploymentService,
        SweeperService,
        PoolMetricsService,
        {
          provide: ReplicaConnections,
          inject: [DatabaseAddresses, Environment],
          useFactory: (addresses: DatabaseAddresses, { DATABASE_POOL_SIZE }: Environment) =>
            new ReplicaConnections(addresses, DATABASE_POOL_SIZE),
        },
        ReadReplicaService,
        ReplicaMetricsService,
        ListReadsService,
        {
          provide: PreparedStatementNames,
          inject: [Environment],
          useFactory: ({ DATABASE_PREPARED_STATEMENTS }: Environment) =>
            new PreparedStatementNames(DATABASE_PREPARED_STATEMENTS),
        },
        {
          provide: DatabaseStartupService,
          inject: [DataSource, DatabaseAddresses, Environment],
          useFactory: (
            dataSource: DataSource,
            { direct, settings }: DatabaseAddresses,
            { MIGRATE_ON_START }: Environment,
          ) => new DatabaseStartupService(dataSource, direct, settings, MIGRATE_ON_START),
        },
        NotificationListenerService,
        WorkNotifierService,
      ],
      exports: [
        DatabaseHealthService,
        DatabaseStartupService,
        ListReadsService,
        NotificationListenerService,
        ReadReplicaService,
        TransactionsService,
        OutageRecoveryService,
        ServiceHeartbeatService,
        DatabaseClockService,
        DeploymentService,
        SweeperService,
        WorkNotifierService,
      ],
    };
  }
}
