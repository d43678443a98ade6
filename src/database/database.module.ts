import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Environment } from '../config/environment.js';
import { DataSource } from 'typeorm';
import { DatabaseClock } from './database-clock.js';
import { DatabaseOpening } from './database-opening.js';
import { databaseOptions } from './database-options.js';
import { PoolMetrics } from './pool-metrics.js';
import { ServiceHeartbeat } from './service-heartbeat.js';
import { Signals } from './signals.js';
import { StatementNames } from './statement-names.js';
import { Sweeper } from './sweeper.js';
import { Transactions } from './transactions.js';

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
        Transactions,
        ServiceHeartbeat,
        DatabaseClock,
        Sweeper,
        PoolMetrics,
        {
          provide: StatementNames,
          inject: [Environment],
          useFactory: ({ DATABASE_PREPARED_STATEMENTS }: Environment) =>
            new StatementNames(DATABASE_PREPARED_STATEMENTS),
        },
        {
          provide: DatabaseOpening,
          inject: [DataSource, Environment],
          useFactory: (
            dataSource: DataSource,
            { DATABASE_DIRECT_URL, MIGRATE_ON_START }: Environment,
          ) => new DatabaseOpening(dataSource, DATABASE_DIRECT_URL ?? url, MIGRATE_ON_START),
        },
        {
          provide: Signals,
          inject: [Transactions, Environment],
          useFactory: (transactions: Transactions, environment: Environment) =>
            new Signals(transactions, environment.DATABASE_DIRECT_URL ?? url),
        },
      ],
      exports: [Transactions, ServiceHeartbeat, DatabaseClock, Sweeper, Signals],
    };
  }
}
