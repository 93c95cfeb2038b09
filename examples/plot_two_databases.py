"""
Two databases
=============

From databases on disk to a table of results. The databases are licensed: put the path of your copy
where this example writes rendered faces in the databases' own layouts, label files and all, and
nothing else changes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.pipeline import make_pipeline

from cdmer.adaptation import GFK, TGSR, SourceOnly
from cdmer.corpora import load_casme2, load_smic, make_database, pack
from cdmer.evaluation import CDMERPairs, benchmark, macro_f1
from cdmer.features import LBPTOP
from cdmer.preprocessing import TemporalInterpolation

workplace = TemporaryDirectory()
casme2_path = Path(workplace.name, "CASME2")
smic_path = Path(workplace.name, "SMIC")
make_database("casme2", casme2_path, n_clips=40, n_subjects=8, random_state=0)
make_database("smic-vis", smic_path, n_clips=40, n_subjects=8, random_state=0)
print(sorted(path.name for path in casme2_path.iterdir()))

# %%
# One line per database. Nothing is decoded yet; what is not as it should be is listed, with the
# cell of the label file.

casme2 = load_casme2(casme2_path)
smic = load_smic(smic_path, camera="VIS")
for corpus in (casme2, smic):
    print(corpus)
    print(corpus.summary("cdmer-130").iloc[-1].to_string())
print(*casme2.faults, sep="\n")

# %%
# A label scheme gives both the same classes, and drops what has none. One database has eight times
# the frame rate of the other: every clip is interpolated to ten frames before LBP-TOP counts.

clips, y, domain = pack(casme2, smic, "cdmer-130")
descriptor = make_pipeline(TemporalInterpolation(10), LBPTOP())
X = descriptor.fit_transform(clips)
target = domain < 0
tgsr = TGSR(n_selected=43).fit(X, y, sample_domain=domain)  # the labels of target rows are not read
score = macro_f1(y[target], tgsr.predict(X[target]), classes=[0, 1, 2])
print(f"from {sum(~target)} clips of CASME II to {sum(target)} of SMIC: {score:.3f}")

# %%
# The same in both directions and beside other methods, as a table.

results = benchmark(
    {
        "SVM, source only": SourceOnly(),
        "TGSR": TGSR(n_selected=43),
        "GFK": GFK(n_components=8),
    },
    [casme2, smic],
    CDMERPairs(experiments=None),
    descriptor=descriptor,
)
print(results.table("UF1").round(3))

workplace.cleanup()
