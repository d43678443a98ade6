import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import type { Request } from 'express';
import { from, isObservable, lastValueFrom, type Observable } from 'rxjs';

/**
 * An interceptor that wraps the promise of a handler. For an ordinary interceptor Nest creates observables and scopes for
 * each request, which costs 10 to 25 % of the CPU time of a request, even if the interceptor does nothing. This one
 * declares which requests it applies to and receives a promise; see {@link patchInterceptorsConsumer} and ADR 12.
 */
export abstract class PromiseInterceptor implements NestInterceptor {
  /** Whether the interceptor applies to a request. It runs after the guards. If false, the handler is called directly. */
  abstract appliesTo(request: Request): boolean;

  /** Returns the result that replaces the result of `handle`. */
  abstract interceptPromise(
    context: ExecutionContext,
    handle: () => Promise<unknown>,
  ): Promise<unknown>;

  /** Called by Nest if the handler has several interceptors. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.interceptPromise(context, () => lastValueFrom(next.handle())));
  }
}

const nestConsumer = Reflect.get(InterceptorsConsumer.prototype, 'intercept');

/** Makes Nest call the only interceptor of a handler directly if it is a {@link PromiseInterceptor}. Affects the whole process. */
export function patchInterceptorsConsumer(): void {
  InterceptorsConsumer.prototype.intercept = function (interceptors, args, ...rest) {
    const [instance, callback, handle] = rest;
    const [only] = interceptors;
    if (!(only instanceof PromiseInterceptor) || interceptors.length > 1) {
      return nestConsumer.call(this, interceptors, args, ...rest);
    }
    if (!only.appliesTo(args[0] as Request)) return handle();
    return only.interceptPromise(this.createContext(args, instance, callback), async () => {
      const made = await handle();
      return isObservable(made) ? lastValueFrom(made) : made;
    });
  };
}
