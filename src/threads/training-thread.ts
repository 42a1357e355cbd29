import { availableParallelism } from 'node:os';
import type { Label } from '../domain/label.js';
import type { Transaction } from '../domain/transaction.js';
import { decodeArtifacts } from '../models/artifact.js';
import type { FitProgress } from '../models/detector.js';
import { sendAhead } from './send-ahead.js';
import type { FitElsewhere } from '../training/fit-channels.js';
import type { RetrainInput } from '../training/retrain.js';
import type { Retrained, Trained, TrainInput } from './worker-messages.js';
import { withThread, type BackendName } from './worker-thread.js';

interface TrainingOptions {
  readonly seed: number;
  readonly backend: BackendName;
  readonly onProgress?: (step: string, progress: FitProgress) => void;
  readonly signal?: AbortSignal;
}

/** Retrains in a thread of its own, which ends with it; aborting ends it at once. */
export const retrainInThread = (input: RetrainInput, options: TrainingOptions): Promise<Retrained> =>
  withThread(options.backend, options.signal, (thread) =>
    thread.ask<Retrained>((id) => ({ kind: 'retrain', id, input, seed: options.seed }), options),
  );

export interface HistoryPart {
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
}

/** Trains and judges a candidate in a thread of its own, which is given the history piece by piece and ends with the work. */
export const trainInThread = (
  history: AsyncIterable<HistoryPart>,
  /** Asked once the history is through: the ranges are known then. */
  inputOf: () => TrainInput,
  options: TrainingOptions,
): Promise<Trained> =>
  withThread(options.backend, options.signal, async (thread) => {
    await sendAhead(history, ({ transactions, labels }) => {
      options.signal?.throwIfAborted();
      return thread.ask((id) => ({ kind: 'history', id, transactions, labels }));
    });
    return thread.ask<Trained>((id) => ({ kind: 'train', id, input: inputOf(), seed: options.seed }), options);
  });

/** For a training run of that seed: fits in a thread of their own where there is a second core. */
export const secondThread = (seed: number, backend: BackendName): { readonly fitElsewhere?: FitElsewhere } =>
  availableParallelism() < 2
    ? {}
    : {
        fitElsewhere: async (task, { onProgress, signal }) => {
          const bytes = await withThread(backend, signal, (thread) =>
            thread.ask<Uint8Array>(
              (id) => ({ kind: 'fit', id, task, seed }),
              onProgress ? { onProgress: (_step, progress) => onProgress(progress) } : {},
            ),
          );
          return decodeArtifacts(bytes).artifacts['fitted']!;
        },
      };
