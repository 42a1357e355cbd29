import { parentPort, workerData, type Transferable } from 'node:worker_threads';
import type { FeatureMatrix } from '../domain/feature-matrix.js';
import { InputError } from '../domain/input-error.js';
import type { Label } from '../domain/label.js';
import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import { EvidenceMemory } from '../features/evidence-memory.js';
import { giveWay } from './give-way.js';
import { scoreBatch, type ScoringTerms } from '../scoring/score-batch.js';
import { loadScoringModel, type ScoringModel } from '../scoring/scoring-model.js';
import { type Challenger, scoreShadows } from '../scoring/shadow.js';
import type { TensorBackend } from '../tensor/backend.js';
import { createTensorBackend } from '../tensor-backend.js';
import { encodeArtifacts } from '../models/artifact.js';
import { runFitTask } from '../training/fit-channels.js';
import { retrain } from '../training/retrain.js';
import { trainCandidate } from '../training/train-candidate.js';
import type { FromWorker, ToWorker } from './worker-messages.js';
import { secondThread } from './training-thread.js';
import { packResult, unpackStates, unpackTransactions } from './worker-transfer.js';

/**
 * The thread that scores and fits. It holds one model at a time and its challengers, evidence as the pool says, and no
 * connection to anything.
 */
const port = parentPort!;
const { backend: name } = workerData as { backend: TensorBackend['name'] };
let model: ScoringModel | null = null;
let terms: ScoringTerms | null = null;
let evidence = new EvidenceMemory();
const challengers = new Map<string, Challenger>();
let history: { transactions: Transaction[]; labels: Label[] } = { transactions: [], labels: [] };

const say = (message: FromWorker, transfer: readonly Transferable[] = []): void => port.postMessage(message, transfer);
// What the pool sends meanwhile waits in the port.
const backend = await createTensorBackend(name, (line) => say({ kind: 'note', line }));

const putAside = (version: string, { message }: Error): void => {
  challengers.delete(version);
  say({ kind: 'challenger-failed', version, message });
};

const handle = async (message: ToWorker): Promise<void> => {
  switch (message.kind) {
    case 'use-model':
      // Also when the model cannot be loaded: the pool counts on it.
      evidence = new EvidenceMemory();
      model = loadScoringModel(message.artifact, backend);
      terms = message.terms;
      return say({ kind: 'used', id: message.id, result: null });
    case 'use-terms':
      terms = message.terms;
      return;
    case 'use-challenger': {
      const { id, version, artifact, calibration } = message;
      const challenger = artifact ? loadScoringModel(artifact, backend) : challengers.get(version)?.model;
      if (challenger) challengers.set(version, { model: challenger, calibration });
      return say({ kind: 'used', id, result: null });
    }
    case 'drop-challenger':
      challengers.delete(message.version);
      return;
    case 'score': {
      if (!model || !terms) throw new Error('a batch came before a model');
      const [champion, { calibration, policy }] = [model, terms];
      const { transactions, states, evidence: delivery } = message.work;
      const work = { transactions: unpackTransactions(transactions), states: unpackStates(states), evidence: delivery };
      const shadow = (features: FeatureMatrix) =>
        scoreShadows(challengers.values(), champion, features, calibration && policy, putAside);
      const { packed, transfer } = packResult(scoreBatch(work, champion, terms, evidence, shadow));
      return say({ kind: 'scored', id: message.id, result: packed }, transfer);
    }
    case 'fit': {
      const detector = await runFitTask(message.task, {
        random: createRandom(message.seed),
        backend,
        onProgress: (progress) => say({ kind: 'progress', id: message.id, step: message.task.estimator, progress }),
      });
      return say({ kind: 'fitted', id: message.id, result: encodeArtifacts({ fitted: detector.save() }, {}) });
    }
    case 'history':
      for (const transaction of message.transactions) history.transactions.push(transaction);
      for (const label of message.labels) history.labels.push(label);
      return say({ kind: 'kept', id: message.id, result: null });
    case 'train': {
      giveWay();
      const learned = history;
      history = { transactions: [], labels: [] };
      const { candidate, gate, rehearsal } = await trainCandidate(
        { ...message.input, ...learned },
        {
          random: createRandom(message.seed),
          backend,
          now: () => performance.now(),
          onProgress: (step, progress) => say({ kind: 'progress', id: message.id, step, progress }),
          ...secondThread(message.seed, name),
        },
      );
      const { artifact, calibration, report, model: made } = candidate;
      const result = { artifact, calibration, report, featureSet: made.featureSet.id, gate, rehearsal };
      return say({ kind: 'trained', id: message.id, result });
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
        ...secondThread(message.seed, name),
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
    // What the data are to blame for is said in a sentence; a stack is for what the program is.
    const { message: text, stack = text } = error instanceof Error ? error : new Error(String(error));
    say({
      kind: 'failed',
      id: 'id' in message ? message.id : null,
      message: text,
      stack: error instanceof InputError ? text : stack,
    });
  });
});
