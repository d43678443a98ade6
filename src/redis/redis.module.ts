import { Global, Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { DeploymentService } from '../database/deployment.service.js';
import { RedisCacheService } from './redis-cache.service.js';
import { redisSettings } from './redis-settings.js';

/** Provides the Redis connection of the process as {@link RedisCacheService}. */
@Global()
@Module({
  providers: [
    {
      provide: RedisCacheService,
      inject: [Environment, DeploymentService],
      useFactory: (environment: Environment, deployment: DeploymentService) =>
        new RedisCacheService(redisSettings(environment), () =>
          keyPrefixOf(environment.REDIS_KEY_PREFIX, deployment),
        ),
    },
  ],
  exports: [RedisCacheService],
})
export class RedisModule {}

/** Returns the beginning of the names of all keys of a deployment; undefined while its database was not read. */
function keyPrefixOf(prefix: string, { id }: DeploymentService): string | undefined {
  return id === undefined ? undefined : `${prefix}${id}:`;
}
