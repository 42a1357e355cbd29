import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import type { StreamStatus } from '../store/query-types.js';
import { Problem } from './problem.js';
import { Queries } from '../store/queries.js';

const STREAMS_MAX = 32;
const POLL_MS = 500;
const STATUS_MS = 1000;
const ALERTS_A_POLL_MAX = 100;
/** A reader this far behind is cut off; it comes back with Last-Event-ID and misses nothing. */
const UNSENT_BYTES_MAX = 1024 * 1024;

/**
 * Server-sent events: `alert` as they are committed (event id = the alert's sequence) and `status` every second, which is
 * the heartbeat too. Each stream polls the alert sequence: it needs no state here, so any number of API processes serve it.
 */
@Injectable()
export class LiveStream implements OnModuleDestroy {
  private readonly logger = new Logger('LiveStream');
  private readonly open = new Set<Response>();
  private status: { readonly atMs: number; readonly value: Promise<StreamStatus> } | null = null;

  constructor(private readonly queries: Queries) {}

  /** @param lastEventId the sequence after which alerts are wanted; without it only new ones come */
  async serve(lastEventId: string | undefined, response: Response): Promise<void> {
    if (this.open.size >= STREAMS_MAX)
      throw new Problem(
        503,
        'Busy',
        `${STREAMS_MAX} live streams are open, the most this process serves`,
        {},
        { 'Retry-After': '5' },
      );
    this.open.add(response);
    response.once('close', () => this.open.delete(response));
    let sequence = lastEventId ?? (await this.newestSequence());
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    response.write('retry: 1000\n\n');
    let statusAtMs = -Infinity;
    while (!response.destroyed && !response.writableEnded && response.writableLength < UNSENT_BYTES_MAX) {
      const alerts = await this.queries.alertsAfter(sequence, ALERTS_A_POLL_MAX);
      for (const view of alerts) response.write(event('alert', view, view.sequence));
      sequence = alerts.at(-1)?.sequence ?? sequence;
      if (performance.now() - statusAtMs >= STATUS_MS - POLL_MS / 2) {
        statusAtMs = performance.now();
        response.write(event('status', await this.currentStatus()));
      }
      if (alerts.length < ALERTS_A_POLL_MAX) await pause(POLL_MS, response);
    }
    response.end();
  }

  /** Ends every stream, so that the server can close. */
  onModuleDestroy(): void {
    if (this.open.size > 0) this.logger.log(`closing ${this.open.size} live streams`);
    for (const response of this.open) response.end();
  }

  private async newestSequence(): Promise<string> {
    return (await this.queries.listAlerts({ limit: 1 })).items[0]?.sequence ?? '0';
  }

  /** One query a second, however many streams are open. */
  private currentStatus(): Promise<StreamStatus> {
    const nowMs = performance.now();
    if (this.status === null || nowMs - this.status.atMs >= STATUS_MS - POLL_MS / 2)
      this.status = { atMs: nowMs, value: this.queries.status() };
    return this.status.value;
  }
}

const event = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Ends early when the reader leaves or the service stops. */
const pause = (ms: number, response: Response): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('close', done).off('finish', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done).once('finish', done);
  });
