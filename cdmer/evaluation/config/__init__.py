"""Benchmarks in TOML files."""

from cdmer._public import publish
from cdmer.evaluation.config._config import Config, load_config
from cdmer.evaluation.config._run import run_config
from cdmer.evaluation.config._summary import summarize_config

__all__ = ["Config", "load_config", "run_config", "summarize_config"]

publish(__name__)
