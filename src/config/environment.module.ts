import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { Environment } from './environment.js';
import type { SecretFiles } from './load-environment.js';

/** The files of secrets that are read again when they are used. */
export const SECRET_FILES = Symbol('SECRET_FILES');

/** Provides the validated {@link Environment} to all modules. */
@Module({})
export class EnvironmentModule {
  static forRoot(environment: Environment, files: SecretFiles = {}): DynamicModule {
    return {
      module: EnvironmentModule,
      global: true,
      imports: [ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ environment })] })],
      providers: [
        {
          provide: Environment,
          inject: [ConfigService],
          useFactory: (config: ConfigService) => config.getOrThrow<Environment>('environment'),
        },
        { provide: SECRET_FILES, useValue: files },
      ],
      exports: [Environment, SECRET_FILES],
    };
  }
}
