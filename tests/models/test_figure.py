"""The picture shows the strongest regions, where they are."""

import numpy as np
import pytest

from cdmer.features import RegionGrid
from cdmer.models import Prediction, RegionDrops, plot_prediction

DROPS = np.array([0.1, -0.5, 0.3, 0.0, 0.2])


def prediction(drops=DROPS, grid=RegionGrid((1, 2)), probabilities=False):  # noqa: B008
    face = np.full((40, 60), 128, dtype=np.uint8)
    parts = tuple(f"part ${i}" for i in range(grid.n_regions))
    regions = RegionDrops(grid, grid.boxes(40, 60), np.asarray(drops, dtype=float), parts)
    classes, scores = ("a$b", "c"), np.array([0.75, 0.25])
    return Prediction("a$b", classes, scores, probabilities, None, face, regions)


def outlined(figure):
    """Boxes drawn on the overlay, as the grid has them."""
    patches = figure.axes[0].patches
    return {
        (p.get_y(), p.get_y() + p.get_height(), p.get_x(), p.get_x() + p.get_width())
        for p in patches
    }


def test_regions_that_spoke_are_outlined(tmp_path):
    boxes = RegionGrid((1, 2)).boxes(40, 60)
    figure = plot_prediction(prediction())
    assert outlined(figure) == {tuple(box) for box in boxes[[0, 2, 4]]}
    assert figure.get_suptitle() == "a$b (score 0.75)"
    strongest = "part $2 (l2r0c1)\npart $4 (l2r1c1)\npart $0 (l1r0c0)"
    assert figure.axes[0].get_title() == strongest
    assert outlined(plot_prediction(prediction(), n_regions=1)) == {tuple(boxes[2])}
    assert not outlined(plot_prediction(prediction(-np.ones(5))))
    figure.savefig(tmp_path / "picture.png")  # the dollar is no formula
    assert (tmp_path / "picture.png").stat().st_size > 5000


def test_the_picture_says_what_is_drawn():
    figure = plot_prediction(prediction(probabilities=True))
    assert figure.get_suptitle() == "a$b (probability 0.75)"
    assert figure.axes[-1].get_xlabel() == "drop of the probability without the region"
    assert [axes.get_title() for axes in figure.axes[1:3]] == ["1 × 1\n1 of 1", "2 × 2\n2 of 4"]


def test_the_prediction_is_left_alone_and_overlap_drawn():
    overlapping = prediction(grid=RegionGrid((1, 2), overlap=0.5))
    before = overlapping.regions.drops.copy()
    assert len(outlined(plot_prediction(overlapping))) == 3
    assert (overlapping.regions.drops == before).all()


def test_drawn_into_a_part_of_a_figure():
    from matplotlib.figure import Figure

    left, _ = Figure(figsize=(9, 5), layout="constrained").subfigures(1, 2)
    assert plot_prediction(prediction(), figure=left) is left
    assert len(outlined(left)) == 3


def test_a_wrong_number_is_named():
    with pytest.raises(ValueError, match="n_regions: expected a whole number"):
        plot_prediction(prediction(), n_regions=0)


def test_what_is_no_prediction_is_named():
    with pytest.raises(TypeError, match="prediction: expected a Prediction, got int"):
        plot_prediction(3)
