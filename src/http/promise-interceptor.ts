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

/**
 * Makes Nest call the interceptors of a handler directly if each is a {@link PromiseInterceptor}: those that apply, the
 * first outermost. Affects the whole process.
 */
export function patchInterceptorsConsumer(): void {
  InterceptorsConsumer.prototype.intercept = function (interceptors, args, ...rest) {
    if (!interceptors.every(isPromiseInterceptor)) {
      return nestConsumer.call(this, interceptors, args, ...rest);
    }
    const [instance, callback, handle] = rest;
    const applicable = interceptors.filter((one) => one.appliesTo(args[0] as Request));
    if (applicable.length === 0) return handle();
    const context = this.createContext(args, instance, callback);
    return applicable.reduceRight<() => Promise<unknown>>(
      (next, interceptor) => () => interceptor.interceptPromise(context, next),
      async () => {
        const made = await handle();
        return isObservable(made) ? lastValueFrom(made) : made;
      },
    )();
  };
}

function isPromiseInterceptor(interceptor: NestInterceptor): interceptor is PromiseInterceptor {
  return interceptor instanceof PromiseInterceptor;
}
