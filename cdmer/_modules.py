"""Torch modules by their content, without importing torch where there is none."""

import sys

# What torch's recurrent layers hold beside their weights: the same weights again.
_TWICE = {"_flat_weights", "_flat_weight_refs"}


def is_module(value):
    """Whether a value is a torch module."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def identify_module(module, identify):
    """Give what identifies a module: class, layers, settings, weights and buffers.

    Parameters
    ----------
    module : torch.nn.Module
    identify : callable
        Gives a key of an attribute or array by its content.

    Returns
    -------
    dict

    Raises
    ------
    TypeError
        If it has hooks, which are code, or `identify` refuses an attribute.
    """
    import torch

    own = vars(torch.nn.Module())
    hooks = [name for name in own if name.endswith("_hooks") and getattr(module, name)]
    if hooks:
        raise TypeError(
            f"cannot identify a {type(module).__name__} with hooks by its content, so neither a "
            "store nor a checkpoint would know it again; leave store=None or checkpoint=None"
        )
    settings = {k: v for k, v in vars(module).items() if k not in {*own, *_TWICE}}
    tensors = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers("", False))
    return {
        "class": f"{type(module).__module__}.{type(module).__qualname__}",
        "training": module.training,
        "settings": {k: identify(_plain(v, torch)) for k, v in sorted(settings.items())},
        "tensors": {k: identify(_plain(v, torch)) for k, v in sorted(tensors.items())},
        "learns": [k for k, v in sorted(tensors.items()) if v.requires_grad],
        "layers": [[k, identify_module(v, identify)] for k, v in module.named_children()],
    }


def _plain(value, torch):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        # NumPy has no bfloat16; its numbers are numbers of float32.
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, torch.dtype | torch.device | torch.Size):
        return str(value)
    return value
