"""Measures of grey frames: optical flow, grids of regions, local binary patterns, histograms."""
