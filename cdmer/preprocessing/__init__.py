"""Clip to clip: crop and align, interpolate in time, magnify motion, spot the apex."""

__all__ = []
