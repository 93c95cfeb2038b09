import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from cdmer._parameters import ParameterError
from cdmer.features import (
    FHOFO,
    HOOF,
    LBPTOP,
    MDMO,
    ApexFrame,
    BiWOOF,
    DeepFeatures,
    DescriptorSequence,
    FlowImages,
    FlowSequence,
    Frames,
    OpticalFlow,
    Parts,
)
from cdmer.preprocessing import ApexSpotter, Preparation, Register, ToGrey


def test_registration_lies_between_crop_and_apex():
    steps = Preparation(
        crop=True, register="similarity", spot="flow", magnify="casme2", n_frames=10
    ).steps()
    names = [type(step).__name__ for step in steps]
    assert names[:3] == ["CropAlign", "Register", "ApexSpotter"]
    assert steps[1].motion == "similarity"


def test_published_protocols_neither_register_nor_spot():
    assert Preparation().steps() == []
    assert "register=None" in repr(Preparation())
    assert "register='rigid'" in repr(Preparation.suited(HOOF()))


@pytest.mark.parametrize("value", ["affine", True, 1, np.zeros(2)])
def test_unknown_motions_are_refused(value):
    with pytest.raises(ParameterError, match="register: expected one of"):
        Preparation(register=value)


@pytest.mark.parametrize(
    ("descriptor", "register", "spot"),
    [
        (HOOF(), "rigid", None),
        (FHOFO(), "rigid", None),
        (MDMO(), "rigid", None),
        (OpticalFlow(), "rigid", None),
        (FlowSequence(), "rigid", None),
        (BiWOOF(), "rigid", "flow"),
        (FlowImages(), "rigid", "flow"),
        (ApexFrame(), None, "flow"),
        (LBPTOP(), None, None),
        (Frames(), None, None),
        (DescriptorSequence(), "rigid", None),
        (DescriptorSequence(BiWOOF()), "rigid", None),
        (DescriptorSequence(LBPTOP()), None, None),
        (Parts([ApexFrame(), FlowSequence()]), "rigid", "flow"),
        (make_pipeline(ToGrey(), make_pipeline(ToGrey(), BiWOOF())), "rigid", "flow"),
    ],
    ids=str,
)
def test_what_suits_a_descriptor(descriptor, register, spot):
    suited = Preparation.suited(descriptor)
    assert suited == Preparation(register=register, spot=spot)


@pytest.mark.filterwarnings("ignore:weights")
def test_what_suits_a_network_follows_from_its_input():
    pytest.importorskip("torch")
    given = DeepFeatures("STSTNet", random_state=0)
    assert Preparation.suited(given) == Preparation(register="rigid", spot="flow")
    given.set_params(prepare=ApexFrame(size=28))
    assert Preparation.suited(given) == Preparation(spot="flow")


def test_what_is_given_is_taken():
    suited = Preparation.suited(BiWOOF(), register=None, spot="lbp", crop=True)
    assert suited == Preparation(crop=True, spot="lbp")
    steps = Preparation.suited(BiWOOF(), register="similarity").steps()
    assert [type(step) for step in steps] == [Register, ApexSpotter]


def test_descriptors_of_ones_own_say_so_themselves():
    class Own(HOOF):
        needs_apex = True

    assert Preparation.suited(Own()) == Preparation(register="rigid", spot="flow")
