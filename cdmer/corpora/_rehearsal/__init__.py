"""Writers of rehearsal copies of databases."""
