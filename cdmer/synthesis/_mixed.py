"""Several sources of action units in one."""

import numpy as np

from cdmer._parameters import ParameterError, check_number
from cdmer.synthesis._expression import UnitSource, check_source


class MixedUnits(UnitSource):
    """Action units from several sources, in given shares.

    Parameters
    ----------
    parts : sequence of (UnitSource, float)
        Sources with their shares, positive numbers of any sum.

    Attributes
    ----------
    classes : tuple of str
        Classes that every source knows.

    Raises
    ------
    ParameterError
        If there is no part, a share is not positive, or the sources have no class in common.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.synthesis import ExpertUnits, MixedUnits
    >>> frowns = ExpertUnits({"negative": ["anger"]})
    >>> mixed = MixedUnits([(ExpertUnits(), 1), (frowns, 3)])
    >>> mixed.classes
    ('negative',)
    """

    def __init__(self, parts):
        parts = list(parts)
        if not parts:
            raise ParameterError("parts: expected one or more sources with their shares, got none")
        for part in parts:
            if not (isinstance(part, tuple | list) and len(part) == 2):
                raise ParameterError(f"parts: expected (source, share), got {part!r}")
            check_source("parts", part[0])
            check_number("share", part[1], above=0)
        self.sources = [source for source, _ in parts]
        shares = np.array([share for _, share in parts], dtype=float)
        self.shares = shares / shares.sum()
        first, *others = (source.classes for source in self.sources)
        self.classes = tuple(c for c in first if all(c in classes for classes in others))
        if not self.classes:
            raise ParameterError(
                f"parts: expected sources with a class in common, got "
                f"{[source.classes for source in self.sources]}"
            )

    def draw(self, label, rng):
        """Draw an expression: see `UnitSource.draw`."""
        self.check_label(label)
        return self.sources[rng.choice(len(self.sources), p=self.shares)].draw(label, rng)

    def describe(self):
        """Describe all that draws depend on except random numbers, as a dict for JSON."""
        parts = [source.describe() for source in self.sources]
        return {"source": "mixed", "parts": parts, "shares": self.shares.tolist()}
