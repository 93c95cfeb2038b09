"""What a fitted model tells of its size and of what its answers cost."""

from collections import Counter

from cdmer._modules import is_module


def costs(model):
    """Tell how large a model is, what was asked of an endpoint, and where it did not answer.

    Parameters
    ----------
    model : estimator
        Fitted, after `predict`.

    Returns
    -------
    dict
        Of these, as JSON can hold it, what the model tells: ``n_parameters`` of its `network_`;
        ``usage``, its `usage_`; ``abstentions``, how often each reason occurs in `abstentions_`.
    """
    told = {}
    network = getattr(model, "network_", None)
    if is_module(network):
        from cdmer.nets import count_parameters

        told["n_parameters"] = int(count_parameters(network))
    if hasattr(model, "usage_"):
        told["usage"] = {name: int(number) for name, number in model.usage_.items()}
    if hasattr(model, "abstentions_"):
        told["abstentions"] = dict(sorted(Counter(model.abstentions_.values()).items()))
    return told
