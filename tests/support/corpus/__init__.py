"""Hand-written programs, one for each corner of the language that the pipeline must carry."""

from tests.support.corpus import language, library  # noqa: F401  (they add theirs, in this order)
from tests.support.corpus.writing import PROGRAMS as PROGRAMS

BY_NAME = {p.name: p for p in PROGRAMS}
