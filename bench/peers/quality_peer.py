"""Python's detectors on the rows that bench:quality judges: quality, fit time, scoring speed; one thread each.

Run: quality_peer.py FILE.csv.gz one-class SPLIT_COLUMN | quality_peer.py FILE.csv.gz supervised
One JSON object a line: {"name", "auroc", "auprc", "fitSeconds", "scoreRowsPerSecond"} or {"name", "reason"} where a
package is missing or a fit fails. Needs scikit-learn; PyOD, XGBoost, LightGBM and PyTorch where they are installed.
"""

import csv
import gzip
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

TRAIN_SHARE = 0.6


def read(path, protocol, split):
    """Features, labels and which rows train; label, id and split columns are never features."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.reader(file))
    header, cells = rows[0], rows[1:]
    left_out = {"id", "label"} | {name for name in header if name.startswith("split")}
    kept = [i for i, name in enumerate(header) if name not in left_out]
    x = np.array([[float(row[i]) for i in kept] for row in cells])
    y = np.array([int(float(row[header.index("label")])) for row in cells])
    if protocol == "supervised":
        return x, y, np.arange(len(y)) < int(TRAIN_SHARE * len(y))
    return x, y, np.array([row[header.index(split)] == "1" for row in cells])


class Flow:
    """RealNVP of six couplings in PyTorch, the architecture and schedule of ours."""

    def __init__(self):
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.torch = torch

    def fit(self, x):
        torch, d = self.torch, x.shape[1]
        masks = [torch.tensor([(i + k) % 2 for i in range(d)], dtype=torch.float32) for k in range(6)]
        layers = lambda: torch.nn.Sequential(  # noqa: E731
            torch.nn.Linear(d, 48), torch.nn.ReLU(), torch.nn.Linear(48, 48), torch.nn.ReLU(), torch.nn.Linear(48, 2 * d)
        )
        self.nets, self.masks = torch.nn.ModuleList([layers() for _ in masks]), masks
        rows = torch.tensor(x, dtype=torch.float32)
        batch = 128
        steps = min(3000, max(400, 8 * len(rows) // batch))
        optimizer = torch.optim.Adam(self.nets.parameters(), lr=4e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 8e-5)
        for _ in range(steps):
            chosen = rows[torch.randint(len(rows), (batch,))]
            loss = self.surprisal(chosen + 0.1 * torch.randn_like(chosen)).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.nets.parameters(), 5)
            optimizer.step()
            schedule.step()
        return self

    def surprisal(self, z):
        log_det = 0
        for net, mask in zip(self.nets, self.masks):
            scale, shift = net(z * mask).chunk(2, dim=1)
            scale = 2 * self.torch.tanh(scale / 2) * (1 - mask)
            z = z * self.torch.exp(scale) + shift * (1 - mask)
            log_det = log_det + scale.sum(dim=1)
        return 0.5 * (z**2).sum(dim=1) - log_det

    def score(self, x):
        with self.torch.no_grad():
            return self.surprisal(self.torch.tensor(x, dtype=self.torch.float32)).numpy()


def one_class():
    """Name, and a function from training rows to a scorer; every package is imported where it is used."""
    from sklearn.ensemble import IsolationForest
    from sklearn.mixture import GaussianMixture
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

    def neighbours(x):
        index = NearestNeighbors(n_neighbors=5).fit(x)
        return lambda rows: index.kneighbors(rows)[0].max(axis=1)

    def negative(make):
        def fit(x):
            model = make().fit(x)
            return lambda rows: -model.score_samples(rows)

        return fit

    def pyod(module, name):
        def fit(x):
            detector = getattr(__import__(f"pyod.models.{module}", fromlist=[name]), name)()
            detector.fit(x)
            return detector.decision_function

        return fit

    yield "scikit-learn kNN", neighbours
    yield "scikit-learn Gaussian mixture, 20", negative(lambda: GaussianMixture(20, reg_covar=1e-3, random_state=0))
    yield "scikit-learn isolation forest", negative(lambda: IsolationForest(random_state=0))
    yield "scikit-learn LOF", negative(lambda: LocalOutlierFactor(novelty=True))
    yield "PyOD ECOD", pyod("ecod", "ECOD")
    yield "PyOD KNN", pyod("knn", "KNN")
    yield "PyTorch RealNVP", lambda x: Flow().fit(x).score


def supervised():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    def probability(make):
        def fit(x, y):
            model = make().fit(x, y)
            return lambda rows: model.predict_proba(rows)[:, 1]

        return fit

    def xgboost():
        from xgboost import XGBClassifier

        return XGBClassifier(n_estimators=200, max_depth=4, learning_rate=0.08, n_jobs=1, random_state=0)

    def lightgbm():
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_jobs=1, random_state=0, verbose=-1)

    yield "scikit-learn logistic regression", probability(lambda: LogisticRegression(max_iter=1000))
    yield (
        "scikit-learn random forest",
        probability(lambda: RandomForestClassifier(150, min_samples_leaf=3, max_features=0.5, random_state=0)),
    )
    yield "scikit-learn MLP", probability(lambda: MLPClassifier(random_state=0))
    yield "XGBoost", probability(xgboost)
    yield "LightGBM", probability(lightgbm)


def judge(fit, data, test, labels):
    started = time.perf_counter()
    score = fit(*data)
    fitted = time.perf_counter()
    scores = score(test)
    seconds = time.perf_counter() - fitted
    return {
        "auroc": roc_auc_score(labels, scores),
        "auprc": average_precision_score(labels, scores),
        "fitSeconds": fitted - started,
        "scoreRowsPerSecond": len(test) / max(seconds, 1e-6),
    }


def main(path, protocol, split=None):
    x, y, train = read(path, protocol, split)
    learned = train if protocol == "supervised" else train & (y == 0)
    scaler = StandardScaler().fit(x[learned])
    x = scaler.transform(x)
    data = (x[learned], y[learned]) if protocol == "supervised" else (x[learned],)
    for name, fit in supervised() if protocol == "supervised" else one_class():
        try:
            figures = judge(fit, data, x[~train], y[~train])
        except Exception as error:  # one missing package must not end the table
            figures = {"reason": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps({"name": name, **figures}), flush=True)


main(*sys.argv[1:])
