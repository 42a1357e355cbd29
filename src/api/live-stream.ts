import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Queries } from '../store/queries.js';
import type { StreamStatus } from '../store/query-types.js';
import { beginStream, event, EventStreams, isListening, pause } from './event-streams.js';

const POLL_MS = 500;
const STATUS_MS = 1000;
const ALERTS_A_POLL_MAX = 100;

/**
 * Server-sent events: `alert` as they are committed (event id = the alert's sequence) and `status` every second, which is
 * the heartbeat too. Each stream polls the alert sequence: it needs no state here, so any number of API processes serve it.
 */
@Injectable()
export class LiveStream {
  private status: { readonly atMs: number; readonly value: Promise<StreamStatus> } | null = null;

  constructor(
    private readonly queries: Queries,
    private readonly streams: EventStreams,
  ) {}

  /** @param lastEventId the sequence after which alerts are wanted; without it only new ones come */
  async serve(lastEventId: string | undefined, response: Response): Promise<void> {
    this.streams.admit(response);
    let sequence = lastEventId ?? (await this.newestSequence());
    beginStream(response);
    let statusAtMs = -Infinity;
    while (isListening(response)) {
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
