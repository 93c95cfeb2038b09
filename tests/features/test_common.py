import inspect

import pytest
from descriptor_contract import *  # noqa: F403

import cdmer.features as features
from cdmer.features import ClipDescriptor, register_descriptor

CLASSES = [
    cls
    for cls in (getattr(features, name) for name in features.__all__)
    if inspect.isclass(cls) and issubclass(cls, ClipDescriptor) and not inspect.isabstract(cls)
]


@pytest.fixture(params=CLASSES, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


def test_there_are_descriptors():
    assert len(CLASSES) >= 7


def test_a_descriptor_without_its_methods_is_refused():
    class Unfinished(ClipDescriptor):
        def _columns(self):
            return ["one"]

    with pytest.raises(TypeError, match="abstract class Unfinished .*_describe"):
        Unfinished()
    with pytest.raises(TypeError, match="unfinished: expected .* that defines _describe, got"):
        register_descriptor("unfinished")(Unfinished)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("", features.LBPTOP, "name: expected a str that is not empty, got ''"),
        (None, features.LBPTOP, "name: expected a str that is not empty, got None"),
        ("lbp", features.LBPTOP, "lbp: expected a new name .* 'lbp-top' is"),
        ("lbp-top", type("Own", (features.LBPTOP,), {}), "lbp-top: expected a new name"),
        ("frames", features.Frames, "frames: expected a subclass of ClipDescriptor, got"),
    ],
)
def test_bad_registrations_are_named(name, kind, message):
    before = dict(features.DESCRIPTORS)
    with pytest.raises(ValueError, match=message):
        register_descriptor(name)(kind)
    assert before == features.DESCRIPTORS
