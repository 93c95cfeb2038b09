"""What the parameters of an ICE-GAN may be."""

from cdmer._devices import PRECISIONS
from cdmer._parameters import check_choice, check_flag, check_number
from cdmer.nets._icegan.generator import check_picture
from cdmer.nets._networks.sizes import check_sizes
from cdmer.nets._training.settings import check_checkpoint

_WEIGHTS = (
    "adversarial_weight",
    "asked_weight",
    "generated_weight",
    "pixel_weight",
    "identity_weight",
    "decoder_weight",
)


def check_icegan_settings(settings):
    """Check the parameters of an `ICEGANClassifier`, but `device`.

    Raises
    ------
    ParameterError
        If one has the wrong type or value.
    """
    check_picture(settings.size, settings.width)
    check_flag("graph_reasoning", settings.graph_reasoning)
    names = "n_iterations", "n_epochs", "batch_size", "checkpoint_every"
    check_sizes(**{name: getattr(settings, name) for name in names})
    for name in ("discriminator_lr", "generator_lr", "capsule_weight"):
        check_number(name, getattr(settings, name), above=0)
    for name in _WEIGHTS:
        check_number(name, getattr(settings, name), least=0)
    check_choice("sampler", settings.sampler, (None, "balanced"))
    check_choice("precision", settings.precision, PRECISIONS)
    check_checkpoint(settings)
