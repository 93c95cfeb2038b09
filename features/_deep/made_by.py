"""The transformer that makes a network's input, from the expression that names it."""

import ast

from sklearn.pipeline import make_pipeline

from cdmer._parameters import ParameterError
from cdmer._vision.grid import RegionGrid
from cdmer.features._descriptor_sequence import DescriptorSequence
from cdmer.features._flow.clip_flow import OpticalFlow
from cdmer.features._flow.images import FlowImages
from cdmer.features._flow.sequence import FlowSequence
from cdmer.features._frames import ApexFrame, Frames
from cdmer.features._histogram_maps import HellingerMap, PlaneSelector
from cdmer.features._landmarks import LandmarkRegions
from cdmer.features._parts import Parts
from cdmer.features._registry import DESCRIPTORS

# What is no descriptor. From their own modules: `cdmer.features` itself imports this one.
_OTHERS = (
    ApexFrame,
    DescriptorSequence,
    FlowImages,
    FlowSequence,
    Frames,
    HellingerMap,
    LandmarkRegions,
    OpticalFlow,
    Parts,
    PlaneSelector,
    RegionGrid,
    make_pipeline,
)


def known_names():
    """What an expression may name, a dict of str to callable."""
    from cdmer import preprocessing

    known = {name: getattr(preprocessing, name) for name in preprocessing.__all__}
    return known | {made.__name__: made for made in (*_OTHERS, *DESCRIPTORS.values())}


def default_preparation(network):
    """Make the transformer that a network's `made_by` names.

    Parameters
    ----------
    network : torch.nn.Module

    Returns
    -------
    transformer
        Clips in, an array of numbers out.

    Raises
    ------
    ParameterError
        If nothing is named that can be made here; says what the network wants.
    """
    made_by = getattr(network, "made_by", None)
    try:
        return _evaluate(ast.parse(made_by or "", mode="eval").body, known_names())
    except (SyntaxError, ValueError):  # words, not an expression
        wanted = f"which wants {made_by}" if made_by else "which does not say what it wants"
        raise ParameterError(
            f"prepare: expected a transformer from clips to the input of {type(network).__name__}, "
            f"{wanted}, got None"
        ) from None


def _evaluate(node, known):
    """Value of an expression of calls of known names and of literals, and of nothing else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
        given = [_evaluate(argument, known) for argument in node.args]
        named = {word.arg: _evaluate(word.value, known) for word in node.keywords}
        return known[node.func.id](*given, **named)
    if isinstance(node, ast.List):
        return [_evaluate(item, known) for item in node.elts]
    return ast.literal_eval(node)
