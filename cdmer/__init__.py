"""Cross-database micro-expression recognition behind scikit-learn's API.

Subpackages are imported by name (``from cdmer.adaptation import TGSR``); importing `cdmer` alone
stays light.
"""

__version__ = "0.1.0.dev0"
