"""Slow, obviously correct counterparts of the solvers."""

import numpy as np


def dense_tgsr(X, y, source, group_of, n_selected, mmd_weight, tol=1e-8, max_iter=1000):
    """TGSR as its paper and the authors' constants state it, with a d x d system per iteration."""
    X_source, X_target = X[source], X[~source]
    classes = np.unique(y[source])
    n_source, d = X_source.shape
    one_hot = (y[source][:, None] == classes).astype(float)
    delta = X_source.mean(axis=0) - X_target.mean(axis=0) if len(X_target) else np.zeros(d)
    Y = np.column_stack([X_source.T, np.sqrt(mmd_weight) * delta])
    L = np.column_stack([one_hot.T, np.zeros(len(classes))])
    groups = np.unique(group_of)
    B, T, mu = np.ones((d, len(classes))), np.zeros((d, len(classes))), 1e-3
    for iteration in range(1, max_iter + 1):
        P = np.linalg.solve(2 * Y @ Y.T / mu + np.eye(d), B + (2 * Y @ L.T - T) / mu)
        W = P + T / mu
        norms = np.array([np.linalg.norm(W[group_of == g]) for g in groups])
        threshold = 0.0 if n_selected == len(groups) else np.sort(norms)[::-1][n_selected]
        B = np.zeros_like(W)
        for g, norm in zip(groups, norms, strict=True):
            if norm > threshold:
                B[group_of == g] = W[group_of == g] * (norm - threshold) / norm
        if np.abs(P - B).max() < tol:
            break
        T = T + mu * (P - B)
        mu = min(1e15, 1.1 * mu)
    return B, iteration


def dense_domain_regeneration(R, K, K_other, mmd_weight, l1_weight, tol=1e-8, max_iter=1000):
    """The domain-regeneration iteration as published, with an n x n system per iteration."""
    delta = K.mean(axis=1) - K_other.mean(axis=1)
    H = K @ K.T + mmd_weight * np.outer(delta, delta)
    P = T = np.ones((len(K), R.shape[1]))
    kappa = 1e-3
    for iteration in range(1, max_iter + 1):
        Q = np.linalg.solve(kappa / 2 * np.eye(len(K)) + H, (kappa * P + T) / 2 + K @ R)
        W = Q - T / kappa
        P = np.sign(W) * np.maximum(np.abs(W) - l1_weight / kappa, 0)
        if np.abs(P - Q).max() < tol:
            break
        T = T + kappa * (P - Q)
        kappa = min(1e15, 1.1 * kappa)
    return P, iteration
