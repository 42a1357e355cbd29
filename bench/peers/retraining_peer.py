"""XGBoost retrained on the same days: fits on one part, scores the other.

Run: retraining_peer.py COLUMNS TRAIN.f32 LABELS.u8 TEST.f32 SCORES.f64; row-major float32 with NaN for missing, labels 0 or 1.
The setting is the best of three of the Handbook protocol. Needs numpy and xgboost.
"""

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import xgboost  # noqa: E402

columns = int(sys.argv[1])
train = np.fromfile(sys.argv[2], dtype="<f4").reshape(-1, columns)
labels = np.fromfile(sys.argv[3], dtype="u1")
test = np.fromfile(sys.argv[4], dtype="<f4").reshape(-1, columns)
model = xgboost.XGBClassifier(
    n_estimators=200, max_depth=4, learning_rate=0.08, subsample=0.8, colsample_bytree=0.8, min_child_weight=3,
    reg_lambda=5, n_jobs=1, random_state=0,
)
model.fit(train, labels)
model.predict_proba(test)[:, 1].astype("<f8").tofile(sys.argv[5])
