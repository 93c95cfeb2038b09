"""Action units from the table of an expert."""

from cdmer._faces.emotions import EMOTIONS, EMOTIONS_OF
from cdmer._parameters import ParameterError
from cdmer.synthesis._expression import Expression, UnitSource

# Of FACS' five levels, divided by 5: a micro-expression is faint.
FAINTEST, STRONGEST = 0.5 / 5, 1.5 / 5


class ExpertUnits(UnitSource):
    """Action units from the expert table of MiE-X [1]_.

    An emotion of the class is drawn, each as likely as any other, then its action units, each with
    its own probability (again if none is), and for each an intensity between 0.1 and 0.3.

    Parameters
    ----------
    classes : dict of str to sequence of str, default=None
        Emotions of each class. None: "positive" is happiness, "surprise" is surprise, and
        "negative" sadness, fear, anger, disgust and contempt.

    Raises
    ------
    ParameterError
        If an emotion is not in the table, or a class has none.

    References
    ----------
    .. [1] Y. Liu, Z. Wang, T. Gedeon and L. Zheng, "How to synthesize a large-scale and trainable
       micro-expression dataset?", ECCV 2022, https://arxiv.org/abs/2112.01730

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.synthesis import ExpertUnits
    >>> drawn = ExpertUnits().draw("positive", np.random.default_rng(0))
    >>> drawn.emotion, "12" in dict(drawn.action_units)
    ('happiness', True)
    """

    def __init__(self, classes=None):
        self.emotions_of = check_emotions(classes)
        self.classes = tuple(self.emotions_of)

    def draw(self, label, rng):
        """Draw an expression: see `UnitSource.draw`."""
        self.check_label(label)
        emotion = str(rng.choice(self.emotions_of[label]))
        drawn = []
        while not drawn:
            drawn = [
                action_unit
                for action_unit, chance in EMOTIONS[emotion].items()
                if rng.random() < chance
            ]
        action_units = [(action_unit, rng.uniform(FAINTEST, STRONGEST)) for action_unit in drawn]
        return Expression(label, action_units, "expert", emotion)

    def describe(self):
        """Describe all that draws depend on except random numbers, as a dict for JSON."""
        return {
            "source": "expert",
            "classes": {label: list(names) for label, names in self.emotions_of.items()},
            "table": EMOTIONS,
            "intensities": [FAINTEST, STRONGEST],
        }


def check_emotions(classes):
    """Give the emotions of each class, a dict of str to tuple of str.

    Raises
    ------
    ParameterError
        If an emotion is not in the table, or a class has none.
    """
    if classes is None:
        return dict(EMOTIONS_OF)
    good = isinstance(classes, dict) and classes
    if not good or any(isinstance(names, str) or not names for names in classes.values()):
        raise ParameterError(
            f"classes: expected a dict of class to one or more emotions, got {classes!r}"
        )
    for label, names in classes.items():
        for name in names:
            if name not in EMOTIONS:
                raise ParameterError(
                    f"classes: expected emotions of {sorted(EMOTIONS)}, got {name!r} in {label!r}"
                )
    return {label: tuple(names) for label, names in classes.items()}
