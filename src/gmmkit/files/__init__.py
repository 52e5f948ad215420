"""The model file: a fitted mixture and what is known of its fit, in one file that never runs code."""

from gmmkit.files.atomic import write_atomically
from gmmkit.files.model_file import read_model, write_model
from gmmkit.files.record import ModelRecord

__all__ = ["ModelRecord", "read_model", "write_atomically", "write_model"]
