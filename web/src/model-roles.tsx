import type { ReactNode } from 'react';
import { isPriorVersion } from '../../src/domain/model-version.js';
import type { ModelView, RoleChange } from '../../src/store/model-views.js';
import { Comparison } from './comparison.js';
import type { Question } from './confirm.js';
import { bytes, day, dayAndTime } from './format.js';
import { placeOfRun } from './place.js';
import type { RegistryLists } from './registry-lists.js';
import { runReport, verdictWords } from './run-report.js';
import type { Service } from './service.js';

interface ModelRolesProps {
  readonly lists: RegistryLists;
  readonly service: Service;
  readonly onAsk: (question: Question) => void;
}

/** Nothing speaks against these: a person may let them decide. What the gate refuses is not offered here. */
const PROMOTABLE: readonly string[] = ['await-approval', 'promote'];

export const ModelRoles = ({ lists, service, onAsk }: ModelRolesProps) => {
  const { champion, challengers, candidates, changes } = lists;
  const verdicts = new Map(lists.runs.map((run) => [run.version, runReport(run)?.verdict ?? null]));
  const card = (model: ModelView, ask: Question | null, comparison: ReactNode = null) => (
    <ModelCard
      key={model.version}
      model={model}
      verdict={verdicts.get(model.version) ?? null}
      change={changes.find((one) => one.version === model.version && one.kind !== 'relieve') ?? null}
      ask={ask}
      onAsk={onAsk}
    >
      {comparison}
    </ModelCard>
  );
  const promotion = (model: ModelView): Question | null =>
    PROMOTABLE.includes(verdicts.get(model.version) ?? '') ? promotionOf(model, champion, service) : null;
  const beside = ({ version }: ModelView): ReactNode =>
    champion && <Comparison service={service} champion={champion.version} challenger={version} />;
  return (
    <section className="roles" aria-labelledby="roles-title">
      <h2 id="roles-title">Models</h2>
      <h3>
        Champion <small>decides</small>
      </h3>
      {champion === null ? (
        <p className="muted">No model decides yet.</p>
      ) : (
        card(champion, rollbackOf(champion, changes, service))
      )}
      <h3>
        Challengers <small>score beside it and decide nothing</small>
      </h3>
      {challengers.length === 0 ? (
        <p className="muted">None.</p>
      ) : (
        challengers.map((model) => card(model, promotion(model), beside(model)))
      )}
      <h3>
        Candidates <small>trained, without a role; newest first</small>
      </h3>
      {candidates.length === 0 ? <p className="muted">None.</p> : candidates.map((model) => card(model, promotion(model)))}
    </section>
  );
};

interface ModelCardProps {
  readonly model: ModelView;
  readonly verdict: string | null;
  /** What brought it into its role. */
  readonly change: RoleChange | null;
  readonly ask: Question | null;
  readonly onAsk: (question: Question) => void;
  readonly children: ReactNode;
}

const ModelCard = ({ model, verdict, change, ask, onAsk, children }: ModelCardProps) => (
  <article className={`model-card ${model.state}`} aria-label={`${model.state} ${model.version}`}>
    <p className="version">
      {model.version}
      {verdict !== null && <span className={`badge verdict-${verdict}`}>gate: {verdictWords(verdict)}</span>}
    </p>
    <dl>
      {model.since !== null && (
        <div>
          <dt>Since</dt>
          <dd>
            {dayAndTime(Date.parse(model.since))} UTC{change !== null && `, by ${change.by}`}
          </dd>
        </div>
      )}
      <div>
        <dt>Data</dt>
        <dd>
          {isPriorVersion(model.version)
            ? 'no history'
            : model.data === null
              ? `up to ${day(Date.parse(model.trainedAt))}`
              : `${day(Date.parse(model.data.from))} to ${day(Date.parse(model.data.to))}`}
          {model.artifactBytes !== null && `, ${bytes(model.artifactBytes)}`}
          {model.isSigned && ', signed'}
        </dd>
      </div>
      {model.trainingRun !== null && (
        <div>
          <dt>Made by</dt>
          <dd>
            <a href={placeOfRun(model.trainingRun)}>training run {model.trainingRun}</a>
          </dd>
        </div>
      )}
    </dl>
    {children}
    {ask !== null && (
      <button type="button" onClick={() => onAsk(ask)} aria-label={`${ask.verb} ${model.version}`}>
        {ask.verb}
      </button>
    )}
  </article>
);

const SWAP = 'Scoring goes on meanwhile: no transaction is lost or scored twice, and every row names the model that scored it.';

const promotionOf = (model: ModelView, champion: ModelView | null, service: Service): Question => ({
  title: `Promote ${model.version}?`,
  consequences: [
    champion === null
      ? `${model.version} becomes the champion and decides from now on; nothing decides yet.`
      : `${model.version} becomes the champion and decides from now on, in place of ${champion.version}. "Roll back" undoes it.`,
    SWAP,
  ],
  verb: 'Promote',
  act: async (by) => {
    const { version, epoch } = await service.promote(model.version, champion?.epoch ?? 0, by);
    return `${version} is the champion now (epoch ${epoch}).`;
  },
});

/** Null where the log says that no champion came before. */
const rollbackOf = (champion: ModelView, changes: readonly RoleChange[], service: Service): Question | null => {
  const last = changes.find(({ kind }) => kind === 'promote' || kind === 'rollback');
  if (last === undefined || (last.kind === 'promote' && last.replaced === null)) return null;
  // After a rollback the log does not say in one line whose turn it is: the service knows.
  const before = last.kind === 'promote' ? last.replaced : 'the champion before it';
  return {
    title: `Roll back from ${champion.version}?`,
    consequences: [
      `${champion.version} decides no longer; ${before} becomes the champion again. It is refused where that one is retired.`,
      SWAP,
    ],
    verb: 'Roll back',
    act: async (by) => {
      const { version, epoch } = await service.rollback(by);
      return `${version} is the champion again (epoch ${epoch}).`;
    },
  };
};
