"""Optical flow of clips and the descriptors made of it."""
