"""
Three meanings of "cross-database"
==================================

The same two corpora, the same features and the same classifiers under the three protocols that
papers call cross-database: adaptation with the target's clips at hand (unlabelled), a database that
is never seen, and all databases pooled with one person left out. Their numbers are not comparable,
and within one protocol the same predictions give three numbers, depending on who averages.
"""

import tempfile
from pathlib import Path

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cdmer.adaptation import TCA, DomainStandardizer
from cdmer.corpora import make_synthetic_corpus
from cdmer.evaluation import (
    CDMERPairs,
    CompositeLOSO,
    HoldOutDatabase,
    Method,
    ResultStore,
    benchmark,
    compare,
    intervals,
)
from cdmer.extraction import extract
from cdmer.features import LBPTOP, HellingerMap, RegionGrid

corpora = [
    make_synthetic_corpus(preset, n_clips=36, random_state=0)
    for preset in ("lab-100fps", "webcam-25fps")
]
tables = [extract(corpus, LBPTOP(grid=RegionGrid((1, 4)))) for corpus in corpora]
folder = tempfile.TemporaryDirectory()
store = Path(folder.name) / "results.sqlite"

# %%
# A protocol says who is trained on, who may be seen without labels, and who is tested. Finished
# work goes into a store at once; whatever was there already is not run again.

scaled = make_pipeline(StandardScaler(), SVC(kernel="linear"))
chosen = Method(scaled, {"svc__C": [1e-5, 1e-4, 1e-3]})
for protocol, selection, methods in (
    (CDMERPairs(experiments=None), "label-free:iwv", {"SVM": scaled, "SVM, C chosen": chosen}),
    (HoldOutDatabase(), "nested-loso", {"SVM": scaled, "SVM, C chosen": chosen}),
    (CompositeLOSO(), "fixed", {"SVM": scaled}),
):
    results = benchmark(methods, tables, protocol, selection=selection, store=store)
    print(protocol.words())
    print(results.table().round(3), "\n")

# %%
# The last one has a fold per person. Scores are computed from the predictions of all folds pooled;
# the means over folds that papers print under the same name are other numbers.

print(results.averages().round(3).to_string(index=False))

# %%
# A method that adapts to the target is refused where the protocol hides it.

try:
    benchmark({"TCA": TCA()}, tables, HoldOutDatabase())
except ValueError as error:
    print(error)

# %%
# Where it may, its best setting on the target's labels is called an oracle, in every table.

adaptive = make_pipeline(HellingerMap(), DomainStandardizer(), TCA(scaled))
results = benchmark(
    {"SVM": scaled, "TCA": Method(adaptive, {"tca__n_components": [5, 10, 20, 40]})},
    tables,
    CDMERPairs(experiments=None),
    selection=["label-free:entropy", "oracle"],
    store=store,
)
print(intervals(results).query("experiment == 'mean'")[["method", "score", "low", "high"]].round(3))
print(compare(results, "SVM", "TCA, label-free:entropy"))

# %%
# The store holds a prediction per clip, with everything that it follows from.

with ResultStore(store, read_only=True) as kept:
    print(kept.runs()[["run", "protocol", "n_planned", "n_done"]].to_string(index=False))
folder.cleanup()
