"""Synthetic micro-expressions: action units from a source, faces from a renderer."""

from cdmer._public import publish
from cdmer.synthesis._annotated import AnnotatedUnits
from cdmer.synthesis._early_macro import EarlyMacroUnits
from cdmer.synthesis._expert import ExpertUnits
from cdmer.synthesis._expression import ACTION_UNITS, Expression, Renderer, UnitSource
from cdmer.synthesis._gan_renderer import GANRenderer
from cdmer.synthesis._mixed import MixedUnits
from cdmer.synthesis._portrait import NeutralFace
from cdmer.synthesis._splits import split_identities
from cdmer.synthesis._synthesize import synthesize
from cdmer.synthesis._warp import WarpRenderer

__all__ = [
    "ACTION_UNITS",
    "AnnotatedUnits",
    "EarlyMacroUnits",
    "ExpertUnits",
    "Expression",
    "GANRenderer",
    "MixedUnits",
    "NeutralFace",
    "Renderer",
    "UnitSource",
    "WarpRenderer",
    "split_identities",
    "synthesize",
]

publish(__name__)
