"""Inputs are drawn alike on every machine, and as the fill says."""

from __future__ import annotations

import numpy as np
import pytest

from warpgen.errors import VerificationError
from warpgen.launch import Argument, Fill
from warpgen.verification.running.arguments import MOST_BYTES, Arguments
from warpgen.verification.running.fills import draw
from warpgen.verification.running.memory_layout import MemoryLayout, widened
from warpgen.verification.running.streams import Stream

FLOAT = MemoryLayout("value", 4, 4, "<f4")


def floats(shape: tuple[int, ...]) -> MemoryLayout:
    return MemoryLayout("array", 56, 8, ndim=len(shape), of=FLOAT)


def made(fill: Fill, shape: tuple[int, ...], inner: tuple[int, ...] = (), kind: str = "f") -> np.ndarray:
    return draw(fill, kind, shape, inner, Stream("test"))


def test_words_are_fixed() -> None:
    """A change of these numbers would change every digest in every dataset."""
    expected = [15831370642879748500, 5233331223499921607, 4279409167073195586]
    assert expected == Stream(7, "x", 0).words(3).tolist()


def test_streams_go_on() -> None:
    """Two draws of n words are the same as one of 2n."""
    one, two = Stream("a"), Stream("a")
    assert one.words(6).tolist() == two.words(2).tolist() + two.words(4).tolist()


def test_unit_vectors_have_length_one() -> None:
    """Fills of kind `unit` are normalised."""
    lengths = np.sqrt((made(Fill("x", "unit"), (50,), (3,)) ** 2).sum(axis=1))
    assert np.allclose(1.0, lengths)


def test_rotations_are_orthonormal() -> None:
    """Fills of kind `rotation` turn without reflecting or stretching."""
    m = made(Fill("x", "rotation"), (20,), (3, 3))
    assert np.allclose(np.eye(3), m @ np.swapaxes(m, 1, 2))
    assert np.allclose(1.0, np.linalg.det(m))


def test_spd_has_the_eigenvalues_asked_for() -> None:
    """Fills of kind `spd` are symmetric with eigenvalues within the bounds."""
    m = made(Fill("x", "spd", low=0.5, high=2.0), (20,), (4, 4))
    values = np.linalg.eigvalsh(m)
    assert (m == np.swapaxes(m, 1, 2)).all()
    assert values.min() > 0.5 - 1e-9
    assert values.max() < 2.0 + 1e-9


def test_offsets_rise_from_zero_to_high() -> None:
    """Fills of kind `offsets` are a CSR layout's."""
    o = made(Fill("x", "offsets", high=30.0), (9,), (), "i")
    assert (o[0], o[-1]) == (0, 30)
    assert (np.diff(o) >= 0).all()


@pytest.mark.parametrize(
    ("fill", "inner"),
    [
        (Fill("x", "unit"), ()),
        (Fill("x", "rotation"), (2, 3)),
        (Fill("x", "mesh"), ()),
        (Fill("x", "uniform", high=float("inf")), ()),
    ],
)
def test_unsuitable_fills_are_refused(fill: Fill, inner: tuple[int, ...]) -> None:
    """A fill that does not suit its type is an error of the program, not a crash."""
    with pytest.raises(VerificationError):
        made(fill, (4,), inner)


def test_too_large_arguments_are_refused_before_they_are_made() -> None:
    """Ten GiB of input cost nothing but the sentence."""
    huge = Argument("x", "array1d(float32)", "input", (Fill("x", "uniform", (MOST_BYTES,)),))
    with pytest.raises(VerificationError, match="MiB"):
        Arguments([huge], [floats((1,))], seed=0)


def test_memory_beside_an_array_is_watched() -> None:
    """A write just behind an array is noticed."""
    arguments = Arguments(
        [Argument("x", "", "output", (Fill("x", "constant", (8,)),))], [floats((8,))], seed=0
    )
    assert arguments.intact()
    values = arguments.leaves[0].values
    np.lib.stride_tricks.as_strided(values, (9,))[8] = 1.0
    assert not arguments.intact()


def test_wide_arguments_hold_the_very_same_numbers() -> None:
    """The widened launch starts from the row's own 32-bit numbers."""
    args = [Argument("x", "", "input", (Fill("x", "uniform", (8,)),))]
    narrow = Arguments(args, [floats((8,))], seed=3)
    wide = Arguments(args, [widened(floats((8,)))], seed=3, like=narrow)
    assert np.float64 == wide.leaves[0].values.dtype
    assert narrow.leaves[0].values.tolist() == wide.leaves[0].values.tolist()


@pytest.mark.parametrize(
    ("kind", "low", "high", "least", "most"),
    [
        ("?", 0.4, 1.0, 0.79, 0.88),
        ("?", 0.0, 0.6, 0.12, 0.21),
        ("i4", 0.8, 2.0, 0.79, 0.88),
        ("i4", 0.0, 1.2, 0.12, 0.21),
    ],
)
def test_masks_are_true_as_often_as_their_bounds_say(
    kind: str, low: float, high: float, least: float, most: float
) -> None:
    """The bounds that a draft's masks have: five of six elements are true, or one of six."""
    mask = made(Fill("mask", "uniform", low=low, high=high), (4096,), kind=np.dtype(kind).kind)
    assert least < mask.astype(kind).astype(bool).mean() < most


def test_normal_numbers_are_nearly_normal() -> None:
    """Their moments up to the fourth, and none is far out."""
    values = made(Fill("z", "normal", high=2.0), (20_000,)) / 2.0
    assert abs(values.mean()) < 0.03
    assert abs(values.var() - 1.0) < 0.03
    assert abs((values**3).mean()) < 0.06
    assert 2.7 < (values**4).mean() < 3.1
    assert np.abs(values).max() <= 6.0
