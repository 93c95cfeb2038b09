"""Regressions of the benchmark: TGSR, DRFS-T, DRLS, TSRG, KGSL and TTRM on one solver."""
