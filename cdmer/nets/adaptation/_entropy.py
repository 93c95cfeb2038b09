"""How uncertain a prediction is."""


def entropy(scores):
    """Entropy of the softmax of each row, in nats, shape (n,)."""
    logs = scores.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1)
