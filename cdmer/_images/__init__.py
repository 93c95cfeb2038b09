"""Image files and decoders: read with care, damage noticed."""
