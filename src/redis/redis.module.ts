import { Global, Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { RedisCacheService } from './redis-cache.service.js';

/** Provides the Redis connection of the process as {@link RedisCacheService}. */
@Global()
@Module({
  providers: [
    {
      provide: RedisCacheService,
      inject: [Environment],
      useFactory: ({ REDIS_URL }: Environment) => new RedisCacheService(REDIS_URL),
    },
  ],
  exports: [RedisCacheService],
})
export class RedisModule {}
