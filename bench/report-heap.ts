/** Preloaded into a program under measurement (`--import`): tells the bench every second what the main thread's heap holds. */
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.send) {
  setInterval(() => process.send?.({ heapUsed: process.memoryUsage().heapUsed }), 1_000).unref();
  process.channel?.unref();
}
