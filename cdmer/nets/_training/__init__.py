"""Training of networks: the estimator, rows, devices and checkpoints."""
