"""Fits assets/grader/head.json: small boosted trees from what the grader saw to the label people gave.

    git show REVISION:questions.yaml > before.yaml      # a bank whose patterns were not written on these answers
    deltaw --bank before.yaml grade --batch tests/data/grader_dev.jsonl > seen.jsonl
    python xtask/grader/calibrate.py tests/data/grader_dev.jsonl seen.jsonl assets/grader/head.json

The patterns of the bank that makes `seen.jsonl` must be older than the answers; otherwise the trees learn to trust patterns more than
unseen answers deserve. Prints figures over eight folds of whole questions. Needs numpy and scikit-learn.
"""

import json
import sys

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupKFold

# As in src/quiz/grade/head.rs.
SOMETHING, CONFIRMED, CLEAR = 0.4, 1.1, 1.7
SETTINGS = dict(n_estimators=120, max_depth=2, subsample=0.6, learning_rate=0.05, min_samples_leaf=10, random_state=0)


def figures(name, given, graded):
    kappa = cohen_kappa_score(given, graded, weights="quadratic")
    print(
        f"{name:24} same {np.mean(given == graded):.3f}  kappa {kappa:.3f}  0->2 {np.mean(graded[given == 0] == 2):.3f}  "
        f"2->0 {np.mean(graded[given == 2] == 0):.3f}  2->not 2 {np.mean(graded[given == 2] != 2):.3f}"
    )


def settle(patterns, expected):
    """The label moves only where the expected one is clear, and never up from wrong."""
    correct = np.where(patterns == 2, CONFIRMED, CLEAR)
    label = np.where(expected >= correct, 2, np.where(expected >= SOMETHING, 1, 0))
    return np.where(patterns == 0, 0, label)


def nodes(tree):
    """One tree as rows [feature, threshold, left, right, value]; -1 marks a leaf."""
    rate = SETTINGS["learning_rate"]
    return [
        [int(f) if l >= 0 else -1, round(float(t), 5), max(int(l), 0), max(int(r), 0), round(rate * float(v[0][0]), 5)]
        for f, t, l, r, v in zip(tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value)
    ]


def main():
    answers_file, seen_file, out = sys.argv[1:4]
    answers = [json.loads(line) for line in open(answers_file)]
    seen = [json.loads(line) for line in open(seen_file)]
    given = np.array([answer["label"] for answer in answers])
    # Guards and decisive wrong beliefs decide alone; the trees see the rest.
    free = np.array([row["expected"] is not None for row in seen])
    patterns = np.array([int(row["features"][0]) if row["features"] else row["label"] for row in seen])
    x = np.array([row["features"] or [0.0] * 15 for row in seen])
    groups = np.array([answer["id"] for answer in answers])
    figures("patterns alone", given, patterns)
    expected = np.zeros(len(given))
    repeats = 3
    for seed in range(repeats):
        for train, test in GroupKFold(8, shuffle=True, random_state=seed).split(x, given, groups):
            model = GradientBoostingRegressor(**SETTINGS).fit(x[train][free[train]], given[train][free[train]])
            expected[test] += model.predict(x[test]) / repeats
    figures("weighed, unseen questions", given, np.where(free, settle(patterns, expected), patterns))
    model = GradientBoostingRegressor(**SETTINGS).fit(x[free], given[free])
    head = {
        "base": round(float(model.init_.constant_[0][0]), 5),
        "trees": [nodes(stage[0].tree_) for stage in model.estimators_],
    }
    with open(out, "w") as file:
        json.dump(head, file, separators=(",", ":"))
        file.write("\n")


main()
