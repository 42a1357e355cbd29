import { Scorer, type ScoringNeeds, type ScoringResult, type ScoringWork } from '../../src/scoring/ports.js';

/** A scorer that reads no evidence and keeps nothing: a test says what a batch's result is. */
export abstract class PlainScorer extends Scorer {
  abstract readonly featureSet: string;
  protected abstract resultOf(work: ScoringWork): ScoringResult;

  override async score<Work extends ScoringWork>(
    read: (needs: ScoringNeeds) => Promise<Work>,
  ): Promise<{ work: Work; result: ScoringResult }> {
    const work = await read({ featureSet: this.featureSet, lookBackMs: 0, kept: () => null });
    return { work, result: this.resultOf(work) };
  }
}
