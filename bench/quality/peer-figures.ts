/** Figures of other systems under the same protocols, as measured or published elsewhere; no command here computes them. */
export interface PeerRow {
  readonly name: string;
  readonly auroc?: number;
  readonly auprc: number;
  readonly cardPrecision?: number;
  /** Average precision of each period, in order. */
  readonly periods?: readonly number[];
}

/** Handbook stream, RFM features: mean of the four periods; published figures are of their own tuned settings and periods. */
export const HANDBOOK_PEERS: readonly PeerRow[] = [
  { name: 'random forest (150 trees, leaf 3)', auprc: 0.702, cardPrecision: 0.305 },
  { name: 'best single peer of each period', auprc: 0.702, periods: [0.729, 0.694, 0.686, 0.698] },
  { name: 'CatBoost (400)', auprc: 0.66 },
  { name: 'XGBoost (200, depth 4)', auprc: 0.659 },
  { name: 'logistic regression', auprc: 0.629 },
  { name: 'published: XGBoost, tuned', auroc: 0.869, auprc: 0.687, cardPrecision: 0.303 },
  { name: 'published: balanced bagging', auroc: 0.879, auprc: 0.68, cardPrecision: 0.305 },
  { name: 'published: random forest, tuned', auroc: 0.87, auprc: 0.678, cardPrecision: 0.299 },
  { name: 'published: neural network', auroc: 0.876, auprc: 0.675, cardPrecision: 0.303 },
  { name: 'published: LSTM with attention', auroc: 0.874, auprc: 0.667, cardPrecision: 0.295 },
];

/** sparkov-a, RFM and row features: mean of the four periods. */
export const SPARKOV_PEERS: readonly PeerRow[] = [
  { name: 'CatBoost (400)', auprc: 0.939, periods: [0.922, 0.98, 0.969, 0.92] },
  { name: 'CatBoost (400), all features of ours', auprc: 0.948 },
  { name: 'random forest (150 trees, leaf 3)', auprc: 0.892 },
  { name: 'XGBoost (200, depth 4)', auprc: 0.886 },
  { name: 'logistic regression', auprc: 0.618 },
];

/** Recall of a type that training never saw, alerting on 1 %. */
export const UNSEEN_PEERS: readonly { readonly name: string; readonly terminal: number; readonly takeover: number }[] = [
  { name: 'XGBoost', terminal: 0.01, takeover: 0.37 },
  { name: 'random forest', terminal: 0.09, takeover: 0.39 },
];

/** ULB sample in order of time, stated as the first 60 %: see `TRAIN_SHARES`. */
export const SUPERVISED_PEERS: readonly PeerRow[] = [
  { name: 'XGBoost, best setting', auroc: 0.983, auprc: 0.894 },
  { name: 'LightGBM', auroc: 0.985, auprc: 0.891 },
  { name: 'CatBoost', auroc: 0.985, auprc: 0.89 },
  { name: 'random forest', auroc: 0.96, auprc: 0.881 },
  { name: 'logistic regression', auroc: 0.98, auprc: 0.879 },
  { name: 'MLP', auroc: 0.976, auprc: 0.874 },
];
