"""Losses that bring the features of source and target together while a network is trained."""

from cdmer._extras import import_extra
from cdmer._public import publish

import_extra("torch", "deep")

from cdmer.nets.adaptation._base import Adaptation, Batch  # noqa: E402
from cdmer.nets.adaptation._cdan import CDAN  # noqa: E402
from cdmer.nets.adaptation._dan import DAN  # noqa: E402
from cdmer.nets.adaptation._dann import DANN  # noqa: E402
from cdmer.nets.adaptation._deep_coral import DeepCORAL  # noqa: E402
from cdmer.nets.adaptation._mcc import MCC  # noqa: E402

__all__ = ["CDAN", "DAN", "DANN", "MCC", "Adaptation", "Batch", "DeepCORAL"]

publish(__name__)
