"""Published scores, and which of them can be shown beside results."""

from cdmer._public import publish
from cdmer.evaluation.published._boards import Board, boards, published_for, published_results

__all__ = ["Board", "boards", "published_for", "published_results"]

publish(__name__)
