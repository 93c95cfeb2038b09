"""The databases that come with the library: a declaration and a loader each."""
