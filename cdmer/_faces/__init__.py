"""Rendered faces: identity, motion, course of an expression, recording set-ups and the renderer."""
