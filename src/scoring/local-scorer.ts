import { deliverOnce } from '../features/evidence-memory.js';
import { Scorer, type ScoringNeeds, type ScoringResult, type ScoringWork } from './ports.js';
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

  /** Changes calibration and policy from the next batch on. */
  use(terms: ScoringTerms): void {
    this.terms = terms;
  }

  override async score<Work extends ScoringWork>(
    read: (needs: ScoringNeeds) => Promise<Work>,
  ): Promise<{ work: Work; result: ScoringResult }> {
    const { id, lookBackMs } = this.model.featureSet;
    const work = await read({ featureSet: id, lookBackMs, kept: () => null });
    return { work, result: scoreBatch({ ...work, evidence: deliverOnce(work.evidence) }, this.model, this.terms) };
  }
}
