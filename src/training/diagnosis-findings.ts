import { VARIANTS, type Diagnosis, type Variant } from './diagnose-likelihood.js';

/** A trap makes plain likelihood mislead on these data; a note does not by itself. */
export interface Finding {
  readonly trap: Trap;
  readonly kind: 'trap' | 'note';
  readonly sentence: string;
  /** What to use or do instead. */
  readonly advice: string;
}
export type Trap =
  | 'inverted'
  | 'too-likely'
  | 'better-variant'
  | 'redundant'
  | 'dominated'
  | 'memorised'
  | 'contaminated'
  | 'drifted'
  | 'constant';

/** Beyond these a finding is one; each also has to be clear of chance where chance is known. */
const LIMITS = {
  standardErrors: 4,
  tooLikely: 0.02,
  tooSurprising: 0.04,
  memory: 0.6,
  masked: 0.01,
  columnShare: 0.6,
  columnsMin: 4,
  changedAlerts: 0.3,
  gain: 0.05,
};

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const listed = (names: readonly string[], max = 8): string =>
  names.slice(0, max).join(', ') + (names.length > max ? ` and ${names.length - max} more` : '');

/** What each variant is, in words of the advice. */
const INSTEAD: Readonly<Record<Variant, string>> = {
  likelihood: 'the plain surprisal -log p',
  typicality: 'the distance from the typical surprisal, |-log p - median|, which also alerts on rows that are too likely',
  background: 'the likelihood ratio to a model of the columns one by one',
  reduced: 'the surprisal without the columns that others determine',
  trimmed: 'a density fitted without the 5 % most extreme training rows',
  tail: 'the sum of one-sided tail surprisals (detector tail)',
};

/** Traps first, by their order here; nothing is found where nothing is to say. */
export const findingsOf = (diagnosis: Diagnosis): readonly Finding[] => {
  const all = [
    inverted(diagnosis),
    tooLikely(diagnosis),
    betterVariant(diagnosis),
    redundant(diagnosis),
    dominated(diagnosis),
    contaminated(diagnosis),
    memorised(diagnosis),
    drifted(diagnosis),
    constant(diagnosis),
  ].filter((finding) => finding !== null);
  return [...all.filter(({ kind }) => kind === 'trap'), ...all.filter(({ kind }) => kind === 'note')];
};

/** Standard error of an AUROC of 1/2. */
const chance = ({ checkedRows, checkedFrauds }: Diagnosis): number =>
  Math.sqrt((checkedRows + 1) / (12 * checkedFrauds! * (checkedRows - checkedFrauds!)));

const bestVariant = (variants: NonNullable<Diagnosis['variants']>): Variant =>
  VARIANTS.filter((name) => variants[name]).reduce((best, name) => (variants[name]!.auroc > variants[best]!.auroc ? name : best));

const inverted = (diagnosis: Diagnosis): Finding | null => {
  const { variants } = diagnosis;
  if (!variants || variants.likelihood!.auroc > 0.5 - LIMITS.standardErrors * chance(diagnosis)) return null;
  const best = bestVariant(variants);
  return {
    trap: 'inverted',
    kind: 'trap',
    sentence: `frauds are more likely than legitimate rows: AUROC of the surprisal ${variants.likelihood!.auroc.toFixed(3)}, below chance`,
    advice:
      variants[best]!.auroc > 0.5 + LIMITS.gain
        ? `use ${INSTEAD[best]} (AUROC ${variants[best]!.auroc.toFixed(3)})`
        : 'no unlabelled score finds them here: learn from the labels (--protocol supervised)',
  };
};

const tooLikely = ({ typicality }: Diagnosis): Finding | null => {
  const { tooLikely: share, chance: most } = typicality;
  if (share < LIMITS.tooLikely || share < most) return null;
  return {
    trap: 'too-likely',
    kind: 'trap',
    sentence: `${percent(share)} of the checked rows are more likely than 99 % of the held-back ones (1 % would be)`,
    advice: `look at them: copies and placeholders sit at the mode, where a surprisal never alerts; use ${INSTEAD.typicality}`,
  };
};

const betterVariant = (diagnosis: Diagnosis): Finding | null => {
  const { variants } = diagnosis;
  if (!variants) return null;
  const best = bestVariant(variants);
  const [plain, other] = [variants.likelihood!, variants[best]!];
  if (other.auroc < plain.auroc + Math.max(LIMITS.gain, LIMITS.standardErrors * chance(diagnosis) * 0.5)) return null;
  return {
    trap: 'better-variant',
    kind: 'trap',
    sentence: `AUROC of the surprisal ${plain.auroc.toFixed(3)}, of ${INSTEAD[best]} ${other.auroc.toFixed(3)}`,
    advice: `use ${INSTEAD[best]}; "surprisal compare" judges the other detectors`,
  };
};

const redundant = ({ redundancy, changedAlerts }: Diagnosis): Finding | null => {
  const { determined, pairs, dimensions, effectiveDimensions } = redundancy;
  if (determined.length === 0) return null;
  const isTrap = changedAlerts! >= LIMITS.changedAlerts;
  const copies =
    pairs.length === 0
      ? ''
      : `; near-copies: ${listed(
          pairs.map(({ columns }) => columns.join(' ~ ')),
          5,
        )}`;
  return {
    trap: 'redundant',
    kind: isTrap ? 'trap' : 'note',
    sentence:
      `${determined.length} of ${dimensions} numeric columns are determined by the others (${listed(determined)})${copies}; ` +
      `they weigh like ${effectiveDimensions.toFixed(1)} independent ones, and without them ${percent(changedAlerts!)} of the top 1 % is another row`,
    advice:
      'leave those columns out of the density: a joint likelihood counts the same evidence twice, or only the noise between copies',
  };
};

const dominated = ({ columns }: Diagnosis): Finding | null => {
  const first = columns?.[0];
  if (!columns || columns.length < LIMITS.columnsMin || first!.share < LIMITS.columnShare) return null;
  return {
    trap: 'dominated',
    kind: 'trap',
    sentence: `column "${first!.column}" makes ${percent(first!.share)} of the surprisal's variance: the others hardly count`,
    advice: 'check its transform, or judge it apart; the tail sum and reasons by field show each column on its own scale',
  };
};

const contaminated = ({ contamination }: Diagnosis): Finding | null =>
  contamination.masked < LIMITS.masked
    ? null
    : {
        trap: 'contaminated',
        kind: 'note',
        sentence:
          `${percent(contamination.masked)} of the held-back rows are ordinary only because training holds extreme rows like them: ` +
          'without the 5 % most extreme ones they are surprising by more than 10 nats more',
        advice:
          'anomalies among the training rows, or a rare legitimate group: clean the rows, or use a robust detector (trimmed fit, isolation forest)',
      };

const memorised = ({ memory }: Diagnosis): Finding | null => {
  const { probability, noise, fitted, heldBack } = memory;
  if (probability < LIMITS.memory || probability < 0.5 + LIMITS.standardErrors * noise) return null;
  return {
    trap: 'memorised',
    kind: 'trap',
    sentence:
      `rows that were fitted on are more likely than others (median ${fitted.toFixed(1)} against ${heldBack.toFixed(1)} nats; ` +
      `a held-back row is the more surprising one in ${percent(probability)} of pairs)`,
    advice: 'more rows, a smaller model or early stopping; calibrate only on rows that were not fitted on',
  };
};

const drifted = ({ typicality, checkedFrauds }: Diagnosis): Finding | null => {
  const { tooSurprising: share, chance: most } = typicality;
  if (share < LIMITS.tooSurprising || share < most) return null;
  return {
    trap: 'drifted',
    kind: 'note',
    sentence:
      `${percent(share)} of the ${checkedFrauds === null ? 'checked' : 'legitimate checked'} rows are more surprising ` +
      'than 99 % of the held-back ones (1 % would be)',
    advice:
      'the checked rows differ from the training rows as a whole: a fixed threshold would alert on many; calibrate on recent rows',
  };
};

const constant = ({ redundancy }: Diagnosis): Finding | null =>
  redundancy.constant.length === 0
    ? null
    : {
        trap: 'constant',
        kind: 'note',
        sentence: `columns without variation: ${listed(redundancy.constant)}`,
        advice: 'they say nothing; leave them out',
      };
