from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cdmer.evaluation import RegionMap, Results, plot_confusion, plot_regions, write_report
from cdmer.features import RegionGrid

pytest.importorskip("matplotlib")
CLASSES = ("negative", "positive", "surprise")


def results(method="SVM", n=12):
    rng = np.random.default_rng(0)
    rows = [
        {"experiment": name, "kind": "", "source": source, "target": target, "method": m,
         "clip": f"{target}/{i}", "subject": "s01", "y_true": CLASSES[i % 3],
         "y_pred": CLASSES[rng.integers(3)]}
        for name, source, target in (("9", "casme2", "smic-vis"), ("10", "smic-vis", "casme2"))
        for m in (method, "TGSR")
        for i in range(n)
    ]  # fmt: skip
    return Results(pd.DataFrame(rows), CLASSES, "cdmer-130")


def region_map(kept=(0, 3, 10, 40, 84), **changes):
    weights = np.zeros(85)
    weights[list(kept)] = np.arange(1, len(kept) + 1)
    face = np.random.default_rng(0).integers(0, 255, (64, 48), dtype=np.uint8)
    return RegionMap(
        **{"title": "a → b", "face": face, "boxes": RegionGrid().boxes(64, 48),
           "weights": weights} | changes
    )  # fmt: skip


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.problems = [], [], []
        self.feed(html)
        self.text = " ".join("".join(self.text).split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        for name in ("src", "href", "srcset", "action", "data"):
            if not attributes.get(name, "data:").startswith(("data:", "#")):
                self.problems.append(f"{tag} loads {attributes[name]}")
        if tag in ("script", "link", "iframe", "object"):
            self.problems.append(f"<{tag}>")
        if tag == "img" and not attributes.get("alt"):
            self.problems.append("img without alternative text")
        if any(name.startswith("on") for name in attributes):
            self.problems.append(f"{tag} with a handler")

    def handle_data(self, data):
        self.text.append(data)


def test_one_file_that_loads_nothing_and_says_everything(tmp_path):
    found = results()
    path = write_report(
        found, tmp_path / "report.html", title="A report", intro="What was done.",
        notes=["Mind the gap."], region_maps=[region_map()], command="cdmer demo",
    )  # fmt: skip
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert page.problems == []
    assert "url(" not in html
    assert "@import" not in html
    for metric in ("UF1", "UAR", "WAR"):
        for value in found.table(metric).to_numpy().ravel():
            assert f"{value:.4f}" in page.text
    for text in ("A report", "What was done.", "Mind the gap.", "cdmer demo", "casme2 → smic-vis",
                 "negative, positive, surprise", "cdmer-130", "5 of 85 regions kept"):  # fmt: skip
        assert text in page.text
    assert page.tags.count("img") == 3
    assert page.tags.count("th") > 10


def test_names_cannot_break_out(tmp_path):
    hostile = "<script>alert(1)</script>\"'>"
    path = write_report(results(hostile), tmp_path / "r.html", title=hostile, notes=[hostile])
    page = Page(path.read_text(encoding="utf-8"))
    assert page.problems == []
    assert hostile in page.text


def test_best_of_a_row_is_marked_by_more_than_colour(tmp_path):
    html = write_report(results(), tmp_path / "r.html", title="r").read_text(encoding="utf-8")
    assert html.count('class="best"') >= 9
    assert "● marks the best of a row" in html


def test_an_older_report_survives_a_failure(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    with pytest.raises(TypeError, match="region_maps: expected RegionMap, got str"):
        write_report(results(), path, title="r", region_maps=["face"])
    broken = results()
    broken.predictions.loc[0, "y_pred"] = "joy"
    with pytest.raises(ValueError, match="joy"):
        write_report(broken, path, title="r")
    assert path.read_text() == "older"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_report(results(), tmp_path / "no" / "report.html", title="r")


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
