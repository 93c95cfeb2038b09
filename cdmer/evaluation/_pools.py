"""What predictions are pooled into before they are scored."""

ALL, MEAN = "all", "mean"
# Columns of the predictions that distinguish the pools.
POOLED = {
    "experiment": ["experiment", "kind", "source", "target"],
    "corpus": ["experiment", "kind", "source", "target", "corpus"],
    "fold": ["experiment", "kind", "source", "target", "fold"],
    "all": [],
}
