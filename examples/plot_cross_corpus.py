"""
From one camera to another
==========================

A recogniser trained on recordings of one camera meets those of another. Two synthetic corpora, the
LBP-TOP descriptor, a linear SVM that does not adapt, and TGSR, which sees the new clips without
their labels.
"""

from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline

from cdmer.adaptation import TGSR, SourceOnly
from cdmer.corpora import make_synthetic_corpus, pack
from cdmer.evaluation import CDMERPairs, benchmark
from cdmer.features import LBPTOP

lab = make_synthetic_corpus("lab-100fps", n_clips=30, random_state=0)
webcam = make_synthetic_corpus("webcam-25fps", n_clips=30, random_state=0)
print(lab, webcam, sep="\n")

# %%
# Source and target rows go into one ``fit``; ``sample_domain`` tells them apart. The labels of
# target rows may be anything: they are never read.

clips, y, domain = pack(lab, webcam, "cdmer-130")
y_seen = y.copy()
y_seen[domain < 0] = -1

pipeline = make_pipeline(LBPTOP(), TGSR(groups=85, n_selected=43))
pipeline.fit(clips, y_seen, tgsr__sample_domain=domain)
predicted = pipeline.predict(clips[domain < 0])
print(f"UAR on the webcam's clips: {balanced_accuracy_score(y[domain < 0], predicted):.3f}")

# %%
# The benchmark does this for every ordered pair, computes each descriptor once, hides the labels
# itself, and keeps the prediction of every clip.

results = benchmark(
    {"SVM, source only": SourceOnly(), "TGSR": TGSR(groups=85, n_selected=43)},
    [lab, webcam],
    CDMERPairs(experiments=None),
    descriptor=LBPTOP(),
)
print(results.table("UF1").round(3))
print(results.predictions.head())
