import { transactionParser } from '../../src/domain/parse-transaction.js';
import { readModelFolder, type FittedModel } from '../../src/cli/model-folder.js';
import { LocalScorer } from '../../src/scoring/local-scorer.js';
import { MemoryScoringStore } from '../../src/scoring/memory-store.js';
import { type LineOutcome, OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import { createTensorBackend } from '../../src/tensor-backend.js';

/** The online line in this thread, remembering in memory: the same model, features and scores as the service's. */
export class MemoryLine {
  readonly #line: OnlineLine;
  readonly #encoder = new TextEncoder();

  private constructor(readonly fitted: FittedModel) {
    const { model, calibration, policy, memory } = fitted;
    const { schema } = model.featureSet;
    const store = new MemoryScoringStore(
      schema.entities.slice(1).map(({ name, bucketSeconds }) => ({ entityType: name, widthMs: bucketSeconds * 1000 })),
    );
    store.seed(memory.states, memory.evidence);
    this.#line = new OnlineLine(schema, transactionParser(schema), store, new LocalScorer(model, { calibration, policy }));
  }

  static async open(folder: string): Promise<MemoryLine> {
    return new MemoryLine(await readModelFolder(folder, await createTensorBackend('simd', () => undefined)));
  }

  /** @param texts one JSON object each. @throws Error when one of them is refused */
  async score(texts: readonly string[]): Promise<(LineOutcome & { result: 'committed' })['scored']> {
    const records = texts.map((text, i) => ({ bytes: this.#encoder.encode(text), key: null, position: `peer/${i}` }));
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'peer' }, this.#line);
    if (outcome.result !== 'committed' || outcome.scored.length !== texts.length) throw new Error('a row was not scored');
    return outcome.scored;
  }
}
