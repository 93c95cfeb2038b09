"""Vision-language models that are asked, without training, what a clip shows."""

from cdmer._public import publish
from cdmer.zero_shot._action_units import VisionLanguageActionUnits
from cdmer.zero_shot._classifier import VisionLanguageClassifier
from cdmer.zero_shot._interview import EndpointError

__all__ = ["EndpointError", "VisionLanguageActionUnits", "VisionLanguageClassifier"]

publish(__name__)
