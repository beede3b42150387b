"""Near-duplicates stay together: clusters against a comparison of all pairs."""

from __future__ import annotations

import random
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warpgen.exporting.clusters import Cluster, Clusters, alike
from warpgen.reporting.similarity import token_grams
from warpgen.synthesis.generator import Options, synthesize


def clusters(sources: list[str], structures: list[str] | None = None) -> list[Cluster]:
    with tempfile.TemporaryFile() as scratch:
        made = Clusters(scratch)
        for place, source in enumerate(sources):
            made.add(source, structures[place] if structures else f"{place:032x}")
        return made.settle()


def components(sources: list[str]) -> list[int]:
    """The first program that each is connected to, by looking at every pair."""
    sets = [np.array(sorted(token_grams(source)), np.uint64) for source in sources]
    first = list(range(len(sources)))
    for _ in sources:
        for a, b in combinations(range(len(sources)), 2):
            if alike(sets[a], sets[b]):
                first[a] = first[b] = min(first[a], first[b])
    return first


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=14), max_size=12))
def test_no_pair_is_missed(programs: list[list[str]]) -> None:
    """Few words make many near-duplicates: the clusters are those of comparing all with all."""
    sources = [" ".join(words) for words in programs]
    assert [cluster.first for cluster in clusters(sources)] == components(sources)


def test_altered_programs_join_their_originals() -> None:
    """Programs with a few words changed are found again among sixty others."""
    originals = [synthesize(5, index, Options()).source for index in range(60)]
    rng = random.Random(0)
    altered = []
    for source in originals[:20]:
        words = source.split(" ")
        words[rng.randrange(len(words))] = "changed"
        altered.append(" ".join(words))
    found = clusters(originals + altered)
    assert [cluster.first for cluster in found] == components(originals + altered)
    joined = sum(cluster.first < len(originals) for cluster in found[len(originals) :])
    assert joined >= 16
    assert all(cluster.size >= 2 for cluster in found[len(originals) :] if cluster.first < len(originals))


def test_the_same_structure_is_one_cluster() -> None:
    """However different the words are."""
    found = clusters(["a b c d e f", "u v w x y z", "k l m n o p"], ["1" * 32, "2" * 32, "1" * 32])
    assert found == [Cluster(0, 2), Cluster(1, 1), Cluster(0, 2)]


def test_nothing_has_no_clusters() -> None:
    """An empty dataset is not an error here."""
    assert clusters([]) == []


def test_the_scratch_file_holds_the_grams(tmp_path: Path) -> None:
    """Memory does not: 8 bytes a gram are on disk."""
    with (tmp_path / "grams").open("w+b") as scratch:
        made = Clusters(scratch)
        made.add("a b c d e f g", "0" * 32)
        made.settle()
        assert scratch.seek(0, 2) == 3 * 8
