"""The report: self-contained, complete, honest about oracles, readable at any width."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from cdmer.evaluation import (
    CDMER_EXPERIMENTS,
    RegionMap,
    Results,
    plot_confusion,
    plot_regions,
    published_for,
    write_report,
)
from cdmer.evaluation._store.records import JobResult, TestSet, canonical_json
from cdmer.evaluation.figures import domain_gap
from cdmer.evaluation.published import boards, published_results
from cdmer.evaluation.report._tables import marked
from cdmer.features import RegionGrid

pytest.importorskip("matplotlib")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CLASSES = ("negative", "positive", "surprise")
PAIRS = (("9", "casme2", "smic-vis"), ("10", "smic-vis", "casme2"))
TWELVE = tuple((e.name, e.source, e.target) for e in CDMER_EXPERIMENTS)
UNITS = tuple(f"AU{i}" for i in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17))
CD6ME = ("casme", "casme2", "samm", "4dme", "mmew", "casme3-a")
ERROR = {"type": "ValueError", "message": "no <good>", "traceback": "Traceback: line 1"}


def results(
    methods=("SVM", "TGSR"),
    experiments=PAIRS,
    *,
    classes=CLASSES,
    multilabel=False,
    n_clips=24,
    n_people=6,
    folds=1,
    seeds=(None,),
    protocol="CDMERPairs",
    scheme="cdmer-130",
    transductive=True,
    fails=(),
    keeps_regions=(),
    embeds=(),
    corpora=None,
    **info,
):
    """Results of made-up jobs; methods are as good as they are late in the list.

    `experiments` are (name, source, target), `corpora` the corpora that each experiment tests;
    `fails` holds (method, experiment, fold).
    """
    rng = np.random.default_rng(0)
    jobs, sets = [], {}
    for name, source, target in experiments:
        tested = corpora or [target]
        for fold in range(folds):
            n = n_clips // folds
            where = [tested[i % len(tested)] for i in range(n)]
            who = [f"p{fold}-{i % max(1, n_people // folds)}" for i in range(n)]
            truth = (
                rng.integers(2, size=(n, len(classes)))
                if multilabel
                else np.resize(np.arange(len(classes)), n)
            )
            clips = tuple(f"{where[i]}/{who[i]}/{fold}-{i}" for i in range(n))
            key = TestSet(clips, tuple(where), tuple(who), _plain(truth))
            sets[key.key] = key
            for at, method in enumerate(methods):
                for seed in seeds:
                    right = rng.random(truth.shape) < 0.35 + 0.5 * at / len(methods)
                    guess = rng.integers(2 if multilabel else len(classes), size=truth.shape)
                    failed = (method, name, fold) in fails
                    details = (
                        {"region_weights": _some_weights(rng)} if method in keeps_regions else {}
                    )
                    config = {
                        "fold": {
                            "experiment": name,
                            "name": f"f{fold}",
                            "source": source,
                            "target": target,
                            "kind": "",
                        },
                        "method": {"name": method},
                        "seed": seed,
                        "selection": "oracle" if method.endswith("oracle") else "fixed",
                    }
                    jobs.append(
                        (
                            method,
                            JobResult(
                                canonical_json(config),
                                key.key,
                                None if failed else _plain(np.where(right, truth, guess)),
                                details=details,
                                embedding=_cloud(rng, len(classes)) if method in embeds else None,
                                seconds={"select": 0.0, "fit": 0.25, "predict": 0.01},
                                error=ERROR if failed else None,
                            ),
                        )
                    )
    names = dict.fromkeys(n for _, s, t in experiments for n in (corpora or (s, t)))
    about = {
        "title": "Made up",
        "protocol": {
            "class": protocol,
            "parameters": {},
            "words": "Words of the protocol.",
            "allows_unlabelled_target": transductive,
        },
        "scheme": {"name": scheme, "classes": list(classes), "multilabel": multilabel},
        "corpora": [
            {
                "name": n,
                "n_clips": n_clips,
                "n_subjects": n_people,
                "counts": {classes[0]: 8},
                "digest": "0123456789abcdef" * 4,
                "n_failed": 0,
            }
            for n in names
        ],
        "descriptor": "LBPTOP()",
        "methods": {
            m: {
                "name": m,
                "selection": "fixed",
                "estimator": {"class": "SVC"},
                "settings": None,
                "citation": "",
            }
            for m in methods
        },
        "seeds": [s for s in seeds if s is not None],
        "versions": {"cdmer": "0", "numpy": "2.4"},
        "notes": [],
        "regions": {"levels": [1, 2, 4, 8]},
        "command": "cdmer benchmark it.toml",
    }
    return Results.from_jobs(about | info, jobs, sets)


def _plain(codes):
    return tuple(map(tuple, codes.tolist())) if codes.ndim == 2 else tuple(codes.tolist())


def _some_weights(rng):
    return (rng.random(85) * (rng.random(85) < 0.2)).tolist()


def _cloud(rng, n_classes):
    target = np.arange(60) >= 40
    before = rng.normal(size=(60, 2)) + 4 * target[:, None]
    return {
        "before": before.astype(np.float32),
        "after": before - 4 * target[:, None],
        "target": target,
        "codes": rng.integers(n_classes, size=60),
    }


def region_map(kept=(0, 3, 10, 40, 84), **changes):
    weights = np.zeros(85)
    weights[list(kept)] = np.arange(1, len(kept) + 1)
    face = np.random.default_rng(0).integers(0, 255, (64, 48), dtype=np.uint8)
    return RegionMap(
        **{"title": "a → b", "face": face, "boxes": RegionGrid().boxes(64, 48), "weights": weights}
        | changes
    )


class Page(HTMLParser):
    """Text, images and table rows of a page, and all that it would load or run."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.alts, self.problems, self.rows = [], [], [], []
        self._text, self._cells, self._quiet = [], None, False
        self.feed(html)
        self.text = " ".join("".join(self._text).split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self._quiet = tag == "style"
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            if not attributes.get(name, "data:").startswith(("data:", "#")):
                self.problems.append(f"{tag} loads {attributes[name]}")
        if tag in ("script", "link", "iframe", "object", "embed"):
            self.problems.append(f"<{tag}>")
        if tag == "img":
            self.alts.append(attributes.get("alt", ""))
        if any(name.startswith("on") for name in attributes):
            self.problems.append(f"{tag} with a handler")
        if tag == "tr":
            self.rows.append((attributes.get("class", ""), []))
        if tag in ("th", "td") and self.rows:
            self.rows[-1][1].append("")
            self._cells = self.rows[-1][1]

    def handle_endtag(self, tag):
        self._quiet = False
        if tag in ("th", "td"):
            self._cells = None

    def handle_data(self, data):
        if self._quiet:
            return
        self._text.append(data)
        if self._cells is not None:
            self._cells[-1] += data


def page_of(found, tmp_path, **settings):
    html = found.report(tmp_path / "report.html", **settings).read_text(encoding="utf-8")
    page = Page(html)
    assert page.problems == []
    assert all(page.alts)
    for loading in ("url(", "@import", "<script", "javascript:"):
        assert loading not in html.lower()
    return page


def test_one_file_that_loads_nothing_and_says_everything(tmp_path):
    found = results(notes=["A note of the run."], config="[methods.SVM]\nC = 1")
    page = page_of(
        found,
        tmp_path,
        title="A report",
        intro="What was done.",
        notes=["Mind the gap."],
        region_maps=[region_map()],
        command="cdmer demo",
    )
    for metric in ("UF1", "UAR", "WAR"):
        for value in found.table(metric).to_numpy().ravel():
            assert f"{value:.4f}" in page.text
    for text in (
        "A report",
        "What was done.",
        "Mind the gap.",
        "A note of the run.",
        "cdmer demo",
        "casme2 → smic-vis",
        "negative, positive, surprise",
        "cdmer-130",
        "LBPTOP()",
        "Words of the protocol.",
        "without labels while they were fitted",
        "numpy 2.4",
        "5 of 85 regions kept",
        "C = 1",
        "0123456789ab",
        "fixed beforehand",
    ):
        assert text in page.text, text
    # Forest plot, ranks, comparisons, two confusion matrices, one map.
    assert page.tags.count("img") == 6


def test_scores_stand_with_the_intervals_of_the_statistics(tmp_path):
    from cdmer.evaluation.statistics import intervals

    found = results()
    page = page_of(found, tmp_path)
    for row in intervals(found, "UF1").itertuples():
        assert f"{row.score:.4f}{row.low:.3f}–{row.high:.3f}" in page.text.replace(" ", "")


def test_what_cannot_be_compared_is_left_out(tmp_path):
    page = page_of(results(("SVM",), PAIRS[:1], n_people=1), tmp_path)
    assert "Ranks over experiments" not in page.text
    assert "Pairwise comparisons" not in page.text
    assert "mean" not in [cell for _, cells in page.rows for cell in cells]
    assert "nan" not in page.text


def test_names_cannot_break_out(tmp_path):
    hostile = "<script>alert(1)</script>\"'>$\\frac"
    found = results(
        (hostile, "SVM"),
        keeps_regions=(hostile,),
        embeds=(hostile,),
        fails=[(hostile, "9", 0)],
        config=hostile,
        folds=2,
    )
    page = page_of(found, tmp_path, title=hostile, notes=[hostile])
    assert hostile in page.text
    assert any(hostile in alt for alt in page.alts)


def test_an_oracle_says_so_wherever_its_numbers_stand(tmp_path):
    names = ("SVM", "TGSR", "TCA, oracle")
    page = page_of(results(names, keeps_regions=names[2:], embeds=names[2:]), tmp_path)
    alone = re.compile(r"TCA(?!, oracle)")
    published = page.text.index("Published scores")
    assert not alone.search(page.text[:published])
    assert not any(alone.search(alt) for alt in page.alts)
    shown = [kind for kind, cells in page.rows if cells and cells[0].startswith("TCA, oracle")]
    assert len(shown) >= 7
    assert sum("oracle" in alt for alt in page.alts) >= 6
    assert "labels of the very clips that are tested" in page.text


def test_an_oracle_is_never_the_best(tmp_path):
    found = results(("SVM", "TGSR", "TCA, oracle"), n_clips=240)
    assert (found.table("UF1").idxmax(axis=1) == "TCA, oracle").all()
    html = found.report(tmp_path / "r.html").read_text(encoding="utf-8")
    best = re.findall(r'class="best">([\d.]+)', html)
    expected = [
        f"{value:.4f}"
        for metric in found.metrics
        for value in found.table(metric)[["SVM", "TGSR"]].max(axis=1)
    ]
    assert sorted(best) == sorted(expected)
    assert "● marks the best of a column" in html


def test_failures_are_told_and_scores_without_their_clips_are_marked(tmp_path):
    found = results(
        ("SVM", "TGSR", "lost"),
        PAIRS[:1],
        folds=2,
        fails=[("SVM", "9", 0), ("lost", "9", 0), ("lost", "9", 1)],
    )
    page = page_of(found, tmp_path)
    scores = found.scores().set_index("method")["UF1"]
    assert f"{scores['SVM']:.4f}†" in page.text
    assert f"{scores['TGSR']:.4f}†" not in page.text
    for text in (
        "ValueError: no <good>",
        "Traceback: line 1",
        "3 of 6 jobs failed",
        "in no table: lost",
    ):
        assert text in page.text


def test_a_score_without_all_clips_is_never_the_best():
    # The clips that are missing may be the hard ones.
    rows = [
        ("whole", False, [(0.5, np.nan, np.nan, False)]),
        ("worse", False, [(0.4, np.nan, np.nan, False)]),
        ("lost some", False, [(0.9, np.nan, np.nan, True)]),
    ]
    assert [row.cells[0].best for row in marked(rows)] == [True, False, False]


def test_three_ways_of_averaging_and_which_is_right(tmp_path):
    found = results(folds=4)
    page = page_of(found, tmp_path)
    assert "Only the score of the pooled predictions is UF1." in page.text
    for value in found.averages().drop(columns=["experiment", "method"]).to_numpy().ravel():
        assert f"{value:.4f}" in page.text
    assert "Three averages" not in page_of(results(), tmp_path).text


def test_action_units_have_a_table_of_their_own(tmp_path):
    pairs = [(name, "all others", name) for name in CD6ME]
    found = results(
        ("OF", "SSSNet, oracle"),
        pairs,
        classes=UNITS,
        multilabel=True,
        scheme="action-units",
        protocol="LeaveOneCorpusOut",
        transductive=False,
        corpora=None,
    )
    found.info["corpora"] = [c for c in found.info["corpora"] if c["name"] in CD6ME]
    page = page_of(found, tmp_path)
    counts = found.confusion("OF")
    f1 = 2 * counts[:, 1, 1] / (counts[:, 1].sum(axis=1) + counts[:, :, 1].sum(axis=1))
    rows = [[c.strip("\n ●")[:6] for c in cells] for _, cells in page.rows]
    assert ["OF", *(f"{v:.4f}" for v in f1)] in rows
    assert "macro F1" in page.text
    assert not any(alt.startswith("Confusion") for alt in page.alts)
    assert "were not seen by any method" in page.text
    # The mean over databases, then the mean over action units.
    assert ["0.6710", "0.6830"] in [cells[-2:] for _, cells in page.rows if "SSSNet" in cells[0]]


def test_published_numbers_stand_beside_ours_with_what_they_are_worth(tmp_path):
    found = results(("TGSR", "SVM, oracle"), TWELVE[8:10])
    page = page_of(found, tmp_path)
    section = page.text[page.text.index("Published scores") :]
    for text in (
        "best of a grid on target labels",
        "no hyper-parameter",
        "TSRG, oracle",
        "take no part in marks, ranks or tests",
        "arXiv:2111.15361",
    ):
        assert text in section
    rows = [cells for _, cells in page.rows if cells[0].startswith("DRFS-T, oracle")]
    assert [row[1:] for row in rows] == [["0.6217", "0.6762"], ["0.6338", "0.6846"]]
    ours = [cells for _, cells in page.rows if cells[0] == "TGSR" and len(cells) == 3]
    assert [f"{v:.4f}" for v in found.table("UF1").loc[["9", "10"], "TGSR"]] in [
        c[1:] for c in ours
    ]


def told(protocol, scheme, *corpora):
    return published_for(
        {
            "protocol": {"class": protocol},
            "scheme": {"name": scheme},
            "corpora": [{"name": name} for name in corpora],
        }
    )


def value(frame, method, metric, pool):
    rows = frame[(frame.method == method) & (frame.metric == metric) & (frame.pool == pool)]
    return rows.iloc[0].value, bool(rows.iloc[0].oracle)


def test_published_rows_are_those_of_the_papers():
    pairs = told("CDMERPairs", "cdmer-130", "casme2", "smic-hs", "smic-vis", "smic-nir")
    assert value(pairs, "TGSR", "UF1", "smic-hs → smic-vis") == (0.9150, True)
    assert value(pairs, "SVM", "WAR", "smic-nir → casme2") == (0.2385, False)
    assert len(pairs) == 11 * 12 * 2
    assert published_results()["TGSR"]["6"] == (0.8403, 84.51)
    composite = told("CompositeLOSO", "three", "casme2", "smic-hs", "samm")
    assert value(composite, "STSTNet", "UF1", "all") == (0.7353, False)
    assert value(composite, "STSTNet", "UAR", "casme2") == (0.8190, False)  # not 0.8686: precision
    assert value(composite, "HTNet", "UF1", "all") == (0.8603, True)
    assert value(composite, "EMR", "UAR", "samm") == (0.7152, False)
    objective = told("CompositeLOSO", "objective", "samm", "casme2")
    assert value(objective, "ELRCN", "weighted F1", "all") == (0.52, False)
    held = told("HoldOutDatabase", "objective", "samm", "casme2")
    assert value(held, "SSSNet", "UAR", "samm") == (0.6988, False)
    units = told("LeaveOneCorpusOut", "action-units", *CD6ME)
    assert value(units, "SSSNet", "macro F1", "mean") == (0.671, False)
    assert value(units, "SSSNet", "binary F1", "all") == (0.405, False)
    assert value(units, "LED", "macro F1", "casme") == (0.672, False)


def test_printed_means_are_means_of_the_printed_scores():
    units = told("LeaveOneCorpusOut", "action-units", *CD6ME)
    for _, rows in units.groupby(["method", "metric"]):
        by = rows.set_index("pool").value
        assert abs(by[list(CD6ME)].mean() - by["mean"]) < 0.0011


def test_nothing_published_stands_beside_other_corpora_or_schemes():
    assert not len(told("CompositeLOSO", "three", "casme2", "smic-hs"))
    assert not len(told("CompositeLOSO", "three", "casme2", "smic-hs", "samm", "mmew"))
    assert not len(told("CDMERPairs", "cdmer-148", "casme2", "smic-hs"))
    assert not len(told("CDMERPairs", "cdmer-130", "lab-200fps", "webcam-25fps"))
    assert set(told("CDMERPairs", "cdmer-130", "casme2", "smic-hs").pool) == {
        "casme2 → smic-hs",
        "smic-hs → casme2",
    }


def test_every_published_score_is_one_and_says_what_it_is_worth():
    for board in boards():
        for row in board.rows:
            assert row["worth"]
            assert row["source"]
            for scores in row["scores"].values():
                assert all(0 <= v <= 1 for v in scores.values()), (board.name, row["method"])


def test_regions_are_drawn_on_a_rendered_face_as_means_over_fits(tmp_path):
    found = results(keeps_regions=("TGSR",), seeds=(0, 1))
    page = page_of(found, tmp_path)
    assert sum(alt.startswith("Regions kept by TGSR: 9, mean of 2 fits") for alt in page.alts) == 1
    weights = [
        d["region_weights"]
        for d, m, e in zip(
            found.jobs.details, found.jobs.method, found.jobs.experiment, strict=True
        )
        if (m, e) == ("TGSR", "9")
    ]
    kept = np.count_nonzero(np.mean(weights, axis=0))
    assert len(found.plot_regions("TGSR", "9")[0].patches) == kept
    assert f"{kept} of 85 regions kept" in page.text
    with pytest.raises(ValueError, match="'SVM' on '9' has no weights of regions"):
        found.plot_regions("SVM", "9")


def test_embeddings_show_every_row_and_say_how_far_apart_sides_are(tmp_path):
    found = results(embeds=("TGSR",))
    axes = found.plot_embedding("TGSR", "9")
    assert [sum(len(c.get_offsets()) for c in ax.collections) for ax in axes] == [60, 60]
    near = {"before": np.array([[0, 0], [2, 0], [10, 0], [12, 0]]), "target": np.arange(4) > 1}
    assert domain_gap(near | {"after": near["before"] * 0}) == pytest.approx(
        (10, np.nan), nan_ok=True
    )
    page = page_of(found, tmp_path)
    assert sum("40 source and 20 target rows" in alt for alt in page.alts) == 2
    with pytest.raises(ValueError, match="embedding: none of 'SVM' on '9'"):
        found.plot_embedding("SVM", "9")


def test_tables_for_papers():
    found = results(("A_1 | 100%", "TGSR", "TCA, oracle"))
    latex, markdown = found.to_latex("UAR"), found.to_markdown()
    assert r"A\_1 \textbar{} 100\%" in latex
    assert r"\textit{TCA, oracle}" in latex
    assert latex.count(r" \\") == 4
    assert latex.count(r"\textbf{") == 3
    for value in found.table("UAR").to_numpy().ravel():
        assert f"{value:.4f}" in latex
    lines = markdown.splitlines()
    assert lines[2].startswith(r"| A\_1 \| 100% | ")
    assert lines[4].startswith("| *TCA, oracle* | ")
    assert "**" not in lines[4]
    assert all(line.replace(r"\|", "").count("|") == 5 for line in lines[:5])
    assert len(found.to_frame()) == 6
    with pytest.raises(ValueError, match="metric: expected one of"):
        found.to_markdown("F2")


def test_wide_results_are_cut_into_tables_that_fit_a_page(tmp_path):
    pairs = [(str(i), "a", f"b{i}") for i in range(29)]
    page = page_of(results(("SVM",), pairs, n_clips=6), tmp_path)
    assert max(len(cells) for _, cells in page.rows) <= 14
    assert "(continued)" in page.text


def test_an_older_report_survives_a_failure(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    with pytest.raises(TypeError, match="region_maps: expected RegionMap, got str"):
        write_report(results(), path, region_maps=["face"])
    broken = results(keeps_regions=("TGSR",), regions={"levels": [1, 2]})
    with pytest.raises(ValueError, match="weights: expected one per box"):
        write_report(broken, path)
    assert path.read_text() == "older"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_report(results(), tmp_path / "no" / "report.html")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_shows_it_without_scrolling_sideways(tmp_path):
    widths = (360, 1280)
    names = (
        "SVM",
        "A method with a long name and_no_place_to_break_it_at_all, label-free:iwv",
        "TCA, oracle",
    )
    found = results(
        names,
        TWELVE,
        keeps_regions=names[:1],
        embeds=names[2:],
        n_clips=12,
        fails=[("SVM", "9", 0)],
        config="a = '" + 200 * "x" + "'",
    )
    path = found.report(tmp_path / "report.html")
    frame = tmp_path / "frame.html"
    frame.write_text(
        "".join(
            f'<iframe style="width:{width}px;height:700px" src="{path.as_uri()}"></iframe>'
            for width in widths
        )
        + "<p id=o><script>onload=()=>{o.textContent=[...document.querySelectorAll('iframe')]"
        ".map(f=>{const d=f.contentDocument,w=f.contentWindow;return "
        "`${w.innerWidth} ${d.scrollingElement.scrollWidth} `+"
        "[...d.images].every(i=>i.naturalWidth>0&&i.getBoundingClientRect().width>200)})"
        ".join(';')}</script>"
    )
    outcome = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--allow-file-access-from-files",
            "--virtual-time-budget=20000",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            frame.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    shown = re.search(r'id="o">([^<]*)', outcome.stdout)[1].split(";")
    for width, told in zip(widths, shown, strict=True):
        inner, scroll, images = told.split()
        assert int(scroll) <= int(inner) == width
        assert images == "true"
    assert "CONSOLE" not in outcome.stderr


def test_exactly_the_kept_regions_are_outlined():
    shown = region_map()
    overlay, *levels = plot_regions(shown).axes[:5]
    drawn = {(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in overlay.patches}
    boxes = shown.boxes[[0, 3, 10, 40, 84]]
    assert drawn == {(left, top, right - left, bottom - top) for top, bottom, left, right in boxes}
    assert [len(ax.patches) for ax in levels] == [1, 1, 1, 2]


def test_a_map_without_kept_regions_is_drawn():
    empty = region_map(kept=())
    assert empty.caption.startswith("0 of 85 regions kept")
    assert not plot_regions(empty).axes[0].patches


def test_confusion_shows_counts_and_shares():
    ax = plot_confusion([[3, 1, 0], [0, 2, 2], [0, 0, 0]], CLASSES)
    assert [t.get_text() for t in ax.texts][:3] == ["3\n75%", "1\n25%", "0\n0%"]
    assert [t.get_text() for t in ax.texts][-1] == "0"
    with pytest.raises(ValueError, match=r"counts: expected numbers >= 0 of shape \(3, 3\)"):
        plot_confusion([[1, 2], [3, 4]], CLASSES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"face": np.zeros((64, 48))}, r"face: expected uint8"),
        ({"boxes": np.zeros((3, 4), int)}, r"boxes: expected integers of shape \(85, 4\)"),
        ({"boxes": np.full((85, 4), 99)}, r"boxes: expected top < bottom"),
        (
            {"weights": np.ones(3)},
            r"weights: expected one per box, shape \(85,\), got shape \(3,\)",
        ),
        ({"weights": -np.ones(85)}, r"weights: expected finite numbers >= 0, got -1"),
        ({"weights": np.full(85, np.nan)}, r"weights: expected finite numbers >= 0, got nan"),
    ],
)
def test_maps_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        region_map(**changes)
