"""Figures as pictures within the page, each with its content in words."""

import base64
import io
from dataclasses import dataclass

import numpy as np

from cdmer._extras import import_extra
from cdmer.evaluation._figure_data import embedding_of, region_maps
from cdmer.evaluation._metrics.counts import named_columns
from cdmer.evaluation._pools import MEAN
from cdmer.evaluation.figures import (
    domain_gap,
    plot_confusion,
    plot_embedding,
    plot_regions,
)
from cdmer.evaluation.report._tables import method_label, oracle_methods, pool_label
from cdmer.evaluation.statistics import plot_comparisons, plot_forest, plot_ranks, ranks

DPI = 150
# A figure of more rows is longer than a page.
MOST_ROWS = 44
# More pictures than this, and the file gets slow to send and to open.
MOST_PICTURES = 24
N_COLORS = 96


@dataclass(frozen=True)
class Picture:
    """A PNG in base64, its content in words, and what stands below it."""

    image: str
    alt: str
    title: str = ""
    caption: str = ""


def forest(results, metric, found):
    """Draw scores with intervals; the means alone where all are too many to read."""
    drawn = found
    if len(found) > MOST_ROWS and len(results.experiments) > 1:
        drawn = found[found["experiment"] == MEAN]
    oracle = oracle_methods(results)
    single = len(results.experiments) == 1
    parts = [
        f"{method_label(row['method'], row['method'] in oracle)}, {pool_label(row)}: "
        + _in_words(row)
        for row in drawn.to_dict("records")
        if not (single and row["experiment"] == MEAN)
    ]
    alt = f"Forest plot of {metric.name} with 95 % intervals. {'; '.join(parts)}."
    caption = "" if drawn is found else "Means alone; results.plot_forest() draws the experiments."
    return Picture(png(plot_forest(drawn).figure), alt, caption=caption)


def rank_plot(results, metric):
    """Draw average ranks; None where methods or experiments are too few to be ranked."""
    if len(results.methods) < 2 or len(results.table(metric).iloc[:-1].dropna()) < 2:
        return None
    found = ranks(results, metric)
    oracle = oracle_methods(results)
    order = ", ".join(f"{method_label(m, m in oracle)} {r:.2f}" for m, r in found.average.items())
    alt = (
        f"Average ranks by {metric.name} over {len(found.table)} experiments, best first: {order}. "
        f"Critical difference {found.critical_difference:.2f}."
    )
    p_value = f"Friedman test: p = {found.p_value:.2g}. " if np.isfinite(found.p_value) else ""
    caption = f"{p_value}Methods joined by a line do not differ by Nemenyi's test at 5 %."
    if found.left_out:
        caption += f" Left out, since not all methods have them: {', '.join(found.left_out)}."
    return Picture(png(plot_ranks(found).figure), alt, caption=caption)


def comparison_plot(pairs):
    """Draw the differences of all pairs of methods, as `comparisons` gives them, or give None."""
    if not pairs["difference"].notna().any():
        return None
    significant = pairs[pairs["p_holm"] <= 0.05]
    alt = f"Paired differences of {len(pairs)} pairs of methods by {pairs['metric'].iloc[0]}. "
    if len(significant):
        named = [
            f"{r.a} minus {r.b}: {r.difference:+.3f}" for r in significant.head(20).itertuples()
        ]
        more = f"; and {len(significant) - 20} more" if len(significant) > 20 else ""
        alt += (
            f"{len(significant)} differ at 5 % after Holm's correction: {'; '.join(named)}{more}."
        )
    else:
        alt += "None differ at 5 % after Holm's correction."
    return Picture(png(plot_comparisons(pairs).figure), alt)


def confusions(results):
    """Draw the confusion matrix of every method; none for action units."""
    if results.multilabel:
        return []
    oracle = oracle_methods(results)
    pictures = []
    for method in results.methods:
        counts, columns = named_columns(results.confusion(method), results.classes)
        words = "; ".join(
            f"true {true}: " + ", ".join(f"{n} {c}" for c, n in zip(columns, row, strict=True))
            for true, row in zip(results.classes, counts, strict=True)
        )
        name = method_label(method, method in oracle)
        image = png(plot_confusion(counts, results.classes).figure)
        pictures.append(Picture(image, f"Confusion matrix of {name}. Predicted {words}.", name))
    return pictures


def regions(results, given):
    """Draw the maps that are given, else those of the results; say how many are left out."""
    maps = given or region_maps(results)
    drawn = maps if given else maps[:MOST_PICTURES]
    pictures = [
        Picture(png(plot_regions(m)), f"Regions kept by {m.title}. {m.caption}", m.title, m.caption)
        for m in drawn
    ]
    return pictures, len(maps) - len(drawn)


def embeddings(results):
    """Draw where rows lie before and after adaptation, and say how many pairs are left out."""
    if results.jobs is None:
        return [], 0
    has = results.jobs["embedding"].map(lambda embedding: embedding is not None)
    pairs = results.jobs.loc[has, ["experiment", "method"]].drop_duplicates()
    pairs = [tuple(pair) for pair in pairs.itertuples(index=False)]
    oracle = oracle_methods(results)
    pictures = []
    for experiment, method in pairs[:MOST_PICTURES]:
        embedding = embedding_of(results, method, experiment)
        name = f"{method_label(method, method in oracle)}: {experiment}"
        before, after = domain_gap(embedding)
        target = np.asarray(embedding["target"], dtype=bool)
        caption = (
            f"Source and target are {before:.2f} apart before, {after:.2f} after (distance of "
            "their means over their spread, in this plane)."
        )
        alt = f"{name}. {(~target).sum()} source and {target.sum()} target rows. {caption}"
        axes = plot_embedding(embedding, results.classes)
        pictures.append(Picture(png(axes[0].figure), alt, name, caption))
    return pictures, max(0, len(pairs) - MOST_PICTURES)


def png(figure):
    """Write a figure as PNG of few colours, which takes a fourth of the bytes; base64."""
    canvas = import_extra("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    figure.set(dpi=DPI, facecolor="white")
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    content = io.BytesIO()
    image = import_extra("PIL.Image").fromarray(pixels).quantize(N_COLORS, dither=0)
    image.save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode("ascii")


def _in_words(row):
    if not np.isfinite(row["score"]):
        return "no score"
    text = f"{row['score']:.3f}"
    return text + (f" ({row['low']:.3f} to {row['high']:.3f})" if np.isfinite(row["low"]) else "")
