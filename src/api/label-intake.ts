import { Injectable } from '@nestjs/common';
import type { FieldProblem } from '../domain/transaction.js';
import { LabelSink } from '../scoring/ports.js';
import { ApiSettings } from './api-settings.js';
import { fieldProblem } from './problem.js';
import type { LabelsBody } from './requests.js';

@Injectable()
export class LabelIntake {
  constructor(
    private readonly sink: LabelSink,
    private readonly settings: ApiSettings,
  ) {}

  append({ single, items }: LabelsBody): Promise<{ stored: number; unknown: number; unchanged: number }> {
    const nowMs = this.settings.now();
    const labels = items.map(({ knownAt, ...label }) => ({
      ...label,
      knownAtMs: knownAt === undefined ? nowMs : Date.parse(knownAt),
    }));
    // Features read labels as of a time: one from the future would leak into the past when the clock gets there.
    const problems = labels.flatMap((label, i): FieldProblem[] => {
      if (label.knownAtMs <= nowMs) return [];
      const expected = `a time that is not after the service's clock (${new Date(nowMs).toISOString()})`;
      return [{ field: single ? 'knownAt' : `[${i}].knownAt`, value: items[i]!.knownAt ?? '', expected }];
    });
    if (problems.length > 0) throw fieldProblem(422, problems);
    return this.sink.append(labels);
  }
}
