"""Handwritten characters: images read, made upright, described and classified."""

from gmmkit.applications.handwriting.classifier import HandwritingClassifier
from gmmkit.applications.handwriting.files import load_handwriting, save_handwriting
from gmmkit.applications.handwriting.reading import Images, read_images

__all__ = ["HandwritingClassifier", "Images", "load_handwriting", "read_images", "save_handwriting"]
