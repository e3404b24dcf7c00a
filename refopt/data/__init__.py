"""Data sets: handwritten digits, which ship with the package, and synthetic ones of every shape; splits and batches.

Every set comes as a `Split`, float32 unless asked otherwise, and depends on its arguments and `seed` alone. Images have their
channels last. Nothing here uses the network.
"""

from refopt.data.batches import batches
from refopt.data.digits import digits
from refopt.data.images import SHAPES, images
from refopt.data.plane import blobs, moons, spirals
from refopt.data.regression import Teacher, teacher, teacher_student
from refopt.data.sequences import adding_problem, sequences, tokens
from refopt.data.signals import mnist1d
from refopt.data.split import Split, class_counts, split
from refopt.data.standardise import Scale, standardise

__all__ = [
    "SHAPES", "Scale", "Split", "Teacher", "adding_problem", "batches", "blobs", "class_counts", "digits", "images", "mnist1d",
    "moons", "sequences", "spirals", "split", "standardise", "teacher", "teacher_student", "tokens",
]  # fmt: skip
