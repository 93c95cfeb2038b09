"""A picture of the facial regions that a prediction rests on."""

import numpy as np

from cdmer._parameters import check_number
from cdmer._text import printable
from cdmer.features import RegionGrid
from cdmer.models._prediction import Prediction


def plot_prediction(prediction, *, n_regions=8, figure=None):
    """Draw the regions that support the predicted class on the face.

    Parameters
    ----------
    prediction : Prediction
        Result of `predict_clip`.
    n_regions : int, default=8
        Largest number of regions to draw, those with the largest drops above 0.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Figure to draw into. None: a new one.

    Returns
    -------
    matplotlib.figure.Figure or SubFigure
        As `cdmer.evaluation.plot_regions` draws it, with the drops as weights.

    Raises
    ------
    ImportError
        If matplotlib is missing: ``pip install "cdmer[report]"``.
    TypeError
        If `prediction` is no `Prediction`.
    ValueError
        If there is no class, the regions are no `RegionGrid`, the descriptor has none, or a score
        or drop is NaN or infinite.
    """
    check_number("n_regions", n_regions, least=1, whole=True)
    if not isinstance(prediction, Prediction):
        raise TypeError(f"prediction: expected a Prediction, got {type(prediction).__name__}")
    if prediction.label is None:
        raise ValueError(
            f"prediction: expected one with a class, got none, because of {prediction.reason!r}"
        )
    regions = prediction.regions
    if regions is None or not isinstance(regions.grid, RegionGrid):
        found = "none" if regions is None else type(regions.grid).__name__
        raise ValueError(f"prediction: expected regions of a RegionGrid, got {found}")
    if not (np.isfinite(prediction.scores).all() and np.isfinite(regions.drops).all()):
        raise ValueError("prediction: expected finite scores and drops, got NaN or infinity")
    from cdmer.evaluation import RegionMap, plot_regions  # takes as long as a prediction

    drops = regions.drops.clip(min=0)
    weakest_last = np.argsort(-drops, kind="stable")
    drops[weakest_last[n_regions:]] = 0
    region_map = RegionMap(
        prediction.label, prediction.face, regions.boxes, drops, regions.grid.levels
    )
    figure = plot_regions(region_map, figure)
    place = list(prediction.classes).index(prediction.label)
    score = f"{prediction.scores[place]:.3g}"
    kind = "probability" if prediction.are_probabilities else "score"
    title = printable(f"{prediction.label} ({kind} {score})")
    figure.suptitle(title, fontsize=12, parse_math=False)
    texts = dict(zip(regions.names, regions.texts, strict=True))
    strongest = "\n".join(texts[name] for name, _ in regions.strongest(min(3, n_regions)))
    figure.axes[0].set_title(printable(strongest), fontsize=8, parse_math=False)
    figure.axes[-1].set_xlabel(f"drop of the {kind} without the region", fontsize=8)
    return figure
