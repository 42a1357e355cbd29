import { Injectable } from '@nestjs/common';
import type { FieldProblem } from '../domain/transaction.js';
import { LabelSink } from '../scoring/ports.js';
import { EarlyLabelsError } from '../store/label.store.js';
import { ApiSettings } from './api-settings.js';
import { fieldProblem } from './problem.js';
import type { LabelsBody } from './requests.js';

@Injectable()
export class LabelIntake {
  constructor(
    private readonly sink: LabelSink,
    private readonly settings: ApiSettings,
  ) {}

  /** @throws Problem 422 naming every `knownAt` that cannot be; then nothing was stored */
  async append({ single, items }: LabelsBody): Promise<{ stored: number; unknown: number; unchanged: number }> {
    const nowMs = this.settings.now();
    const labels = items.map(({ knownAt, ...label }) => ({
      ...label,
      knownAtMs: knownAt === undefined ? nowMs : Date.parse(knownAt),
    }));
    const problemAt = (i: number, expected: string): FieldProblem => ({
      field: single ? 'knownAt' : `[${i}].knownAt`,
      value: items[i]!.knownAt ?? '',
      expected,
    });
    // Features read labels as of a time: one from the future would leak into the past when the clock gets there.
    const expected = `a time from 1970 to the service's clock (${new Date(nowMs).toISOString()})`;
    const problems = labels.flatMap(({ knownAtMs }, i) => (knownAtMs >= 0 && knownAtMs <= nowMs ? [] : [problemAt(i, expected)]));
    if (problems.length > 0) throw fieldProblem(422, problems);
    const undated = new Set(items.flatMap(({ knownAt }, i) => (knownAt === undefined ? [i] : [])));
    try {
      return await this.sink.append(labels, { undated });
    } catch (error) {
      if (!(error instanceof EarlyLabelsError)) throw error;
      const before = error.early.map(({ position, occurredAtMs }) => {
        const { transactionId } = items[position]!;
        return problemAt(
          position,
          `a time from that of transaction ${transactionId} on (${new Date(occurredAtMs).toISOString()})`,
        );
      });
      throw fieldProblem(422, before);
    }
  }
}
