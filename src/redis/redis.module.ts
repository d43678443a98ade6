import { Global, Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { RedisCache } from './redis-cache.js';

/** Provides the Redis connection of the process as {@link RedisCache}. */
@Global()
@Module({
  providers: [
    {
      provide: RedisCache,
      inject: [Environment],
      useFactory: ({ REDIS_URL }: Environment) => new RedisCache(REDIS_URL),
    },
  ],
  exports: [RedisCache],
})
export class RedisModule {}
