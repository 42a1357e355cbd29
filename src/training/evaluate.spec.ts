import { auroc, averagePrecision, calibrationError, cardPrecisionAtK, evaluateScores, recallAtBudget } from './evaluate.js';

// Thresholds from the top: {.9}, {.8, .8}, {.5}, {.1}; expected values by hand and equal to shared/score.py's.
const labels = [1, 0, 1, 0, 0];
const scores = [0.9, 0.8, 0.8, 0.5, 0.1];

describe('ranking metrics', () => {
  it('auroc counts a tie as half', () => {
    // 6 pairs: the .9 fraud wins 3, the .8 fraud wins 2 and ties 1.
    expect(auroc(labels, scores)).toBeCloseTo(5.5 / 6, 12);
    expect(auroc([1, 0], [1, 1])).toBe(0.5);
    expect(auroc([1, 1], [1, 2])).toBeNaN();
  });

  it('average precision judges ties together', () => {
    expect(averagePrecision(labels, scores)).toBeCloseTo(0.5 * 1 + 0.5 * (2 / 3), 12);
    expect(averagePrecision([0, 1, 0, 1], [1, 1, 1, 1])).toBeCloseTo(0.5, 12);
    expect(averagePrecision([0], [1])).toBeNaN();
  });

  it('weights move the precision', () => {
    // Legitimate rows count ten times: precisions 1 and 2 / 12.
    expect(averagePrecision(labels, scores, [1, 10, 1, 10, 10])).toBeCloseTo(0.5 + 0.5 * (2 / 12), 12);
    expect(auroc(labels, scores, [1, 10, 1, 10, 10])).toBeCloseTo(5.5 / 6, 12);
  });

  it('do not depend on the order of rows', () => {
    const reversed = [[...labels].reverse(), [...scores].reverse()] as const;
    expect(evaluateScores(...reversed)).toEqual(evaluateScores(labels, scores));
  });

  it('recall at a budget takes whole groups of equal scores', () => {
    expect(recallAtBudget(labels, scores, 0.2)).toBe(0.5);
    expect(recallAtBudget(labels, scores, 0.4)).toBe(0.5);
    expect(recallAtBudget(labels, scores, 0.6)).toBe(1);
    expect(recallAtBudget(labels, scores, 0.1)).toBe(0);
  });

  it('refuse scores that do not fit', () => {
    expect(() => auroc([1, 0], [1])).toThrow(/1 scores for 2 labels/);
    expect(() => auroc([1, 0], [1, NaN])).toThrow(/row 1 is NaN/);
  });
});

describe('card precision', () => {
  const row = (day: number, card: string, score: number, isFraud = false) => ({ day, card, score, isFraud });

  it('takes the k cards of highest maximal score and leaves a caught card out afterwards', () => {
    const rows = [
      // Day 1: a (.9, fraud on its other row) and b (.8) are the two; c's fraud is missed.
      row(1, 'a', 0.9),
      row(1, 'a', 0.1, true),
      row(1, 'b', 0.8),
      row(1, 'c', 0.2, true),
      // Day 2: a is out though highest; c and b are the two, c is a hit.
      row(2, 'a', 1, true),
      row(2, 'b', 0.3),
      row(2, 'c', 0.4, true),
      row(2, 'd', 0.1),
    ];
    expect(cardPrecisionAtK(rows, 2)).toBe(0.5);
    expect(cardPrecisionAtK(rows, 1)).toBe(1);
  });

  it('divides by k even where a day has fewer cards, and keeps first-seen order on ties', () => {
    expect(cardPrecisionAtK([row(1, 'a', 1, true)], 4)).toBe(0.25);
    expect(cardPrecisionAtK([row(1, 'a', 1, true), row(1, 'b', 1)], 1)).toBe(1);
    expect(cardPrecisionAtK([row(1, 'b', 1), row(1, 'a', 1, true)], 1)).toBe(0);
    expect(cardPrecisionAtK([], 1)).toBeNaN();
  });
});

describe('calibration error', () => {
  it('is 0 for true probabilities and their distance otherwise', () => {
    const truth = Array.from({ length: 100 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    expect(calibrationError(truth, Array<number>(100).fill(0.25), 1)).toBeCloseTo(0, 12);
    expect(calibrationError(truth, Array<number>(100).fill(0.75), 1)).toBeCloseTo(0.5, 12);
    // Two groups, off by +.1 and -.1: they do not cancel.
    const halves = [...Array<number>(50).fill(0), ...Array<number>(50).fill(1)];
    expect(calibrationError(halves, [...Array<number>(50).fill(0.1), ...Array<number>(50).fill(0.9)], 2)).toBeCloseTo(0.1, 12);
  });
});
