import { type FeatureMatrix, selectRows } from '../domain/feature-matrix.js';
import { gaussianProcess } from './baselines/gaussian-process.js';
import { nearestNeighbours } from './baselines/nearest-neighbours.js';
import type { CalibratedMember } from './calibrated-members.js';
import type { TransformKind } from './column-transform.js';
import { fitScoreCalibration } from './conformal.js';
import { gaussianMixture } from './density/gaussian-mixture.js';
import type { Detector, FitContext } from './detector.js';
import { shuffledIndices } from './fit-rows.js';
import { separation, swapCells } from './swapped-cells.js';

/**
 * Neighbours see the finest detail, the process the shape between them, the mixtures the dependence of the columns: the one of
 * few components where rows are too few, or too much alike, for many.
 */
export const DENSITY_MEMBERS = [
  { name: 'nearest-neighbours', estimator: nearestNeighbours, parameters: {} },
  { name: 'gaussian-process', estimator: gaussianProcess, parameters: { rowsMax: 1500 } },
  { name: 'gaussian-mixture', estimator: gaussianMixture, parameters: { componentsMax: 10, iterationsMax: 40, tolerance: 1e-3 } },
  {
    name: 'small gaussian-mixture',
    estimator: gaussianMixture,
    parameters: { componentsMax: 3, iterationsMax: 40, tolerance: 1e-3 },
  },
] as const;
const TRANSFORMS: readonly TransformKind[] = ['asinh', 'quantile-normal'];
/** Fits of a member: one per transform without the held-back rows, one of the better transform with them. */
const FITS = TRANSFORMS.length + 1;
const SWAPPED_ROWS_MAX = 1000;

/** Rows to fit on, fresh ones to calibrate on, and fresh ones with swapped cells. All rows for each where there are too few. */
interface Parts {
  readonly all: FeatureMatrix;
  readonly known: FeatureMatrix;
  readonly fresh: FeatureMatrix;
  readonly swapped: FeatureMatrix;
}

const partsOf = (all: FeatureMatrix, share: number, context: FitContext): Parts => {
  const count = Math.round(share * all.rowCount);
  const order = shuffledIndices(all.rowCount, context.random.fork('held back'));
  const tooFew = count === 0 || count === all.rowCount;
  const known = tooFew ? all : selectRows(all, order.subarray(count).sort());
  const fresh = tooFew ? all : selectRows(all, order.subarray(0, count));
  const first = selectRows(fresh, [...Array(Math.min(SWAPPED_ROWS_MAX, fresh.rowCount)).keys()]);
  return { all, known, fresh, swapped: swapCells(first, known, context.random.fork('swapped')) };
};

interface FittedMember {
  readonly member: CalibratedMember;
  /** "neighbours on asinh (.91, quantile-normal .88)" */
  readonly reason: string;
}

/** The tail's scale decides which member speaks for a row beyond the held-back ones: a twentieth of them gives a steadier one. */
const tailCount = (n: number): number => Math.max(5, Math.round(n / 20));

type FitOn = (features: FeatureMatrix, transform: TransformKind) => Promise<Detector>;

const fitMember = async (name: string, { all, known, fresh, swapped }: Parts, fitOn: FitOn): Promise<FittedMember> => {
  const tried = [];
  for (const transform of TRANSFORMS) {
    const detector = await fitOn(known, transform);
    const scores = detector.score(fresh);
    tried.push({ transform, scores, separated: separation(scores, detector.score(swapped)) });
  }
  const [best, ...others] = tried.sort((a, b) => b.separated - a.separated);
  const detector = await fitOn(all, best!.transform);
  const rest = others.map(({ transform, separated }) => `${transform} ${separated.toFixed(3)}`);
  return {
    member: { name, detector, calibration: fitScoreCalibration(best!.scores, tailCount(best!.scores.length)) },
    reason: `${name} on ${best!.transform} (${best!.separated.toFixed(3)}; ${rest.join(', ')})`,
  };
};

export interface FittedMembers {
  readonly members: readonly CalibratedMember[];
  /** Why these transforms, in a sentence. */
  readonly reason: string;
}

/**
 * Every member in the coordinates that suit the rows best: those in which it better tells held-back rows from the same rows with
 * swapped cells (models.md 7.5 found no transform best everywhere). Needs no label. Cost: three fits of every member.
 */
export const fitDensityMembers = async (
  all: FeatureMatrix,
  heldBackShare: number,
  context: FitContext,
): Promise<FittedMembers> => {
  const parts = partsOf(all, heldBackShare, context);
  const fitted: FittedMember[] = [];
  for (const [i, { name, estimator, parameters }] of DENSITY_MEMBERS.entries()) {
    let step = i * FITS;
    const fitOn: FitOn = (features, transform) => {
      const from = step++;
      const onProgress: FitContext['onProgress'] = ({ share, message }) =>
        context.onProgress?.({ share: (from + share) / (FITS * DENSITY_MEMBERS.length), message: `${name}: ${message}` });
      const own = { ...context, parameters: { ...parameters, transform }, random: context.random.fork(name), onProgress };
      return estimator.fit({ features }, own);
    };
    fitted.push(await fitMember(name, parts, fitOn));
  }
  const reasons = fitted.map(({ reason }) => reason).join(', ');
  return {
    members: fitted.map(({ member }) => member),
    reason: `coordinates by how well held-back rows stand out from rows with swapped cells: ${reasons}`,
  };
};
