import { Scorer, type ScoringResult, type ScoringWork } from './ports.js';
import { scoreBatch, type ScoringTerms } from './score-batch.js';
import type { ScoringModel } from './scoring-model.js';

/** Scores in the calling thread: for backtests and files, which run in a thread of their own. */
export class LocalScorer extends Scorer {
  constructor(
    private readonly model: ScoringModel,
    private terms: ScoringTerms,
  ) {
    super();
  }

  override get needs(): Scorer['needs'] {
    return { featureSet: this.model.featureSet.id, lookBackMs: this.model.featureSet.lookBackMs };
  }

  /** Changes calibration and policy from the next batch on. */
  use(terms: ScoringTerms): void {
    this.terms = terms;
  }

  override score(work: ScoringWork): Promise<ScoringResult> {
    return Promise.resolve(scoreBatch(work, this.model, this.terms));
  }
}
