import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 arms a timer of 1 ms again and again on every connection, also when no request waits and even after the
 * connection was closed (tulios/kafkajs#1751, mended there by #1755 but never released): about 5 % of a core, and the
 * process cannot end by itself. A queue without waiting requests needs no timer: a request that has to wait arms it.
 */
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
  readonly prototype: RequestQueue;
};

let isMended = false;

export const mendIdleTimer = (): void => {
  if (isMended) return;
  isMended = true;
  const schedule = Object.getOwnPropertyDescriptor(prototype, 'scheduleCheckPendingRequests')?.value as (
    this: RequestQueue,
  ) => void;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
};
