import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import type { Request } from 'express';
import { from, isObservable, lastValueFrom, type Observable } from 'rxjs';

/**
 * An interceptor around what a handler promises. For one of the usual kind Nest builds observables and scopes with
 * every request, also with those that it lets pass: a tenth to a quarter of the processor time of a request. This one
 * says beforehand which requests it is for, and is called with a promise; see {@link patchInterceptorsConsumer}.
 */
export abstract class PromiseInterceptor implements NestInterceptor {
  /** Whether it is for this request, which is past the guards; if not, the handler is called as if there were none. */
  abstract appliesTo(request: Request): boolean;

  /** What to answer in the place of what `handle` makes. */
  abstract interceptPromise(
    context: ExecutionContext,
    handle: () => Promise<unknown>,
  ): Promise<unknown>;

  /** The same for Nest, where it is one interceptor among others. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.interceptPromise(context, () => lastValueFrom(next.handle())));
  }
}

const nestConsumer = Reflect.get(InterceptorsConsumer.prototype, 'intercept');

/** Has Nest call the only interceptor of a handler directly, if it is one that can be; all over the process. */
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
