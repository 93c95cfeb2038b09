"""Databases on disk: layouts, label files, folders, loaders and their check."""
