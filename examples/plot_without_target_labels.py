"""
Choosing without target labels
==============================

Every method has settings, and the new recordings have no labels to choose them by. Three ways out
on two synthetic corpora: a criterion that ranks the settings without target labels, scikit-learn's
own grid search with the same criterion, and a pipeline that leaves nothing to choose.
"""

import numpy as np
from sklearn.model_selection import GridSearchCV

from cdmer.adaptation import GFK, SourceOnly
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.evaluation import CDMERPairs, benchmark, label_free_pipeline
from cdmer.evaluation.selection import make_scorer, make_splitter, select
from cdmer.features import LBPTOP, lbp_top_planes

lab = make_synthetic_corpus("lab-100fps", n_clips=30, random_state=0)
webcam = make_synthetic_corpus("webcam-25fps", n_clips=30, random_state=0)
clips, y, domain = pack(lab, webcam, "cdmer-130")
X = LBPTOP().transform(clips)
y_seen = np.where(domain < 0, -1, y)  # nothing below reads a label of the target
subjects = np.array([clip.subject for clip in clips])

# %%
# Importance-weighted validation holds out source clips, subject by subject, and weighs them by how
# much they look like target clips. GFK finds its subspaces once for all numbers of components.

param_grid = {"n_components": [2, 4, 8, 12, 16]}
chosen = select(GFK(), param_grid, X, y_seen, domain, "iwv", n_splits=3, groups=subjects)
print(chosen.scores.round(3))
print("chosen:", chosen.best_params)

# %%
# The same in scikit-learn's search: a scorer that knows the target rows, and a splitter that keeps
# them in every training fold.

search = GridSearchCV(
    GFK(),
    param_grid,
    scoring=make_scorer("iwv", X[domain < 0]),
    cv=make_splitter("iwv", domain, n_splits=3, groups=subjects),
)
search.fit(X, y_seen, sample_domain=domain)
print("chosen:", search.best_params_)

# %%
# Or no choice at all: planes that hold motion, statistics per corpus, and a vote of methods.

results = benchmark(
    {"SVM, source only": SourceOnly(), "label-free": label_free_pipeline(lbp_top_planes())},
    [lab, webcam],
    CDMERPairs(experiments=None),
    descriptor=LBPTOP(),
)
print(results.table("UF1").round(3))
