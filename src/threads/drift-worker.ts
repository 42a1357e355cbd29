import { parentPort } from 'node:worker_threads';
import { giveWay } from './give-way.js';
import { driftResult, type DriftTask, type ServedRow } from '../training/drift/served-rows.js';

/** What drift's thread is told: rows in pieces, then what to make of them. */
export type ToDriftWorker =
  { readonly kind: 'rows'; readonly rows: readonly ServedRow[] } | { readonly kind: 'task'; readonly task: DriftTask };

export type FromDriftWorker = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly message: string };

/** It sees no database. What it holds ends with each answer. */
const port = parentPort!;
const held: ServedRow[] = [];
giveWay();

port.on('message', (message: ToDriftWorker) => {
  if (message.kind === 'rows') {
    for (const row of message.rows) held.push(row);
    return;
  }
  const answer = (): FromDriftWorker => {
    try {
      return { ok: true, result: driftResult(message.task, held) };
    } catch (error) {
      return { ok: false, message: (error as Error).message };
    }
  };
  port.postMessage(answer());
  held.length = 0;
});
