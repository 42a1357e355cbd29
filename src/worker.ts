import { parentPort, workerData } from 'node:worker_threads';
import { EvidenceColumns } from './domain/evidence-columns.js';
import { createRandom } from './domain/random.js';
import { scoreBatch, type ScoringTerms } from './scoring/score-batch.js';
import { loadScoringModel, type ScoringModel } from './scoring/scoring-model.js';
import { createTensorBackend } from './tensor-backend.js';
import { retrain } from './training/retrain.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** The thread that scores and fits. It holds one model at a time and no connection to anything. */
const port = parentPort!;
const backend = createTensorBackend((workerData as { backend: 'simd' | 'reference' }).backend);
let model: ScoringModel | null = null;
let terms: ScoringTerms | null = null;

const say = (message: FromWorker): void => port.postMessage(message);

const handle = async (message: ToWorker): Promise<void> => {
  switch (message.kind) {
    case 'use-model':
      model = loadScoringModel(message.artifact, backend);
      terms = message.terms;
      return say({ kind: 'used', id: message.id, result: null });
    case 'use-terms':
      terms = message.terms;
      return;
    case 'score': {
      if (!model || !terms) throw new Error('a batch came before a model');
      const { runs, numbers } = message.work.evidence;
      const work = { ...message.work, evidence: new EvidenceColumns(runs, numbers) };
      return say({ kind: 'scored', id: message.id, result: scoreBatch(work, model, terms) });
    }
    case 'retrain': {
      const {
        artifact,
        calibration,
        report,
        model: candidate,
      } = await retrain(message.input, {
        random: createRandom(message.seed),
        backend,
        onProgress: (step, progress) => say({ kind: 'progress', id: message.id, step, progress }),
      });
      return say({
        kind: 'retrained',
        id: message.id,
        result: { artifact, calibration, report, featureSet: candidate.featureSet.id },
      });
    }
  }
};

port.on('message', (message: ToWorker) => {
  handle(message).catch((error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say({ kind: 'failed', id: 'id' in message ? message.id : null, message: text });
  });
});
