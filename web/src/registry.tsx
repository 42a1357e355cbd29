import { useEffect, useState } from 'react';
import type { TrainingRun } from '../../src/training/ports.js';
import { Confirm, type Question } from './confirm.js';
import { Drift } from './drift.js';
import { ModelRoles } from './model-roles.js';
import { useRegistry } from './registry-lists.js';
import { RoleLog } from './role-log.js';
import { RunDetail } from './run-detail.js';
import { runReport } from './run-report.js';
import { reasonOf, type Service } from './service.js';
import { TrainingRuns } from './training-runs.js';

/** Who decides, what is trained, and what the gate says of it. Every change is asked about first. */
export const Registry = ({ service, chosen }: { service: Service; chosen: string | null }) => {
  const { lists, error, reload } = useRegistry(service);
  const [question, setQuestion] = useState<Question | null>(null);
  const [name, setName] = useState('');
  const [done, setDone] = useState<string | null>(null);
  const newest = lists?.runs.find((run) => runReport(run) !== null)?.id ?? null;
  const listed = lists?.runs.find(({ id }) => id === (chosen ?? newest)) ?? null;
  const unlisted = useUnlisted(service, lists !== null && listed === null ? chosen : null);
  return (
    <main className="registry">
      <div className="runs-pane">
        <p role="status" className="said">
          {done}
        </p>
        {error !== null && (
          <p className="wrong said" role="alert">
            {error}
          </p>
        )}
        {lists === null ? (
          <p className="muted said">Loading…</p>
        ) : (
          <>
            <ModelRoles lists={lists} service={service} onAsk={setQuestion} />
            <TrainingRuns
              runs={lists.runs}
              chosen={listed?.id ?? chosen}
              service={service}
              onAsk={setQuestion}
              onChange={reload}
            />
          </>
        )}
      </div>
      <div className="detail-pane">
        {lists !== null && <Drift key={lists.champion?.version} service={service} />}
        <RunDetail key={listed?.id ?? chosen} run={listed ?? unlisted.run} error={unlisted.error} isChosen={chosen !== null} />
        {lists !== null && <RoleLog changes={lists.changes} />}
      </div>
      {question !== null && (
        <Confirm
          question={question}
          name={name}
          onName={setName}
          onDone={(sentence) => {
            setQuestion(null);
            setDone(sentence);
            if (sentence !== null) reload();
          }}
        />
      )}
    </main>
  );
};

/** A run that the address names and the list of the newest does not hold. */
const useUnlisted = (service: Service, id: string | null) => {
  const [run, setRun] = useState<TrainingRun | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    setRun(null);
    setError(null);
    if (id === null) return undefined;
    const stop = new AbortController();
    service.run(id, stop.signal).then(setRun, (failure: unknown) => {
      if (!stop.signal.aborted) setError(reasonOf(failure));
    });
    return () => stop.abort();
  }, [service, id]);
  return { run, error };
};
