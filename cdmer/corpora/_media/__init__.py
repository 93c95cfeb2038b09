"""Frames from pictures and videos, and the cache that keeps them."""
