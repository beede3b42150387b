"""Comparing and searching sequences of symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Levenshtein 1966; Needleman & Wunsch 1970; Smith & Waterman 1981; Sakoe & Chiba 1978 (DTW)",
    names={
        "a": "query|source|first_seq",
        "b": "reference|target|second_seq",
        "row": "dp|dp_row|work_row",
        "diagonal": "corner|upper_left|prev_diag",
        "gap": "gap_cost|indel_cost",
        "above": "up|north|old",
        "i": "p|ia|qi",
        "j": "q|jb|ri",
    },
    adjoint="no",
    weight=7,
)
def align_sequences(d: Draft) -> None:
    """Aligns pairs of sequences using dynamic programming with a single-row table."""
    kind = d.option("kind", "levenshtein", "lcs", "local", "global", "warping")
    layout = d.option("layout", "rows", "columns")
    against = d.option("against", "pairs", "one")
    lengths = d.flag("lengths", 0.4)
    costs = d.flag("costs", 0.4)
    d.calls(
        {
            "levenshtein": "edit_distance|levenshtein_distance|edit_distances|compare_sequences",
            "lcs": "longest_common_subsequence|lcs_length|common_subsequence",
            "local": "smith_waterman|local_alignment|align_locally",
            "global": "needleman_wunsch|global_alignment|align_sequences",
            "warping": "dynamic_time_warping|dtw_cost|warp_series",
        }[kind]
    )
    n, la, lb = d.pick(16, 24, 32), d.pick(8, 10), d.pick(9, 12)
    real = kind == "warping"
    type, low, high = ("float", -1.0, 1.0) if real else ("int", 0, 4)
    d.input("a", type, (n, la), low, high)
    d.input("b", type, (n, lb) if against == "pairs" else lb, low, high)
    if lengths:
        d.input("first_length", "int", n, 2, la + 1, about="length per first sequence")
    else:
        d.param("first_length", "int", la, about="length of first sequences")
    about = "length of second sequences" if against == "pairs" else "reference length"
    d.param("second_length", "int", lb, about=about)
    weighted = costs and kind in ("levenshtein", "local", "global")
    scoring = kind in ("local", "global")
    if scoring and not weighted:
        d.module("MATCH = wp.constant(2)\nMISMATCH = wp.constant(-1)\nGAP = wp.constant(-1)")
    if weighted:
        if kind == "levenshtein":
            d.param("gap", "int", d.pick(1, 2), about="gap cost")
            d.param("change", "int", d.pick(2, 3), about="substitution cost")
        else:
            d.input("score", "int", (4, 4), -2, 4, about="substitution scores")
            d.param("gap_score", "int", -2, about="gap score (negative)")
    d.inout(
        "row",
        type,
        (n, lb + 1) if layout == "rows" else (lb + 1, n),
        value=0.0,
        about="scratch row of the DP table",
    )
    out = {"lcs": "lengths", "local": "best", "global": "scores_out"}.get(kind, "distances")
    d.output(out, type, n)
    r: Any = (lambda j: f"row[tid, {j}]") if layout == "rows" else (lambda j: f"row[{j}, tid]")
    bj = "b[tid, j]" if against == "pairs" else "b[j]"
    mb = "second_length"
    ma = "first_length[tid]" if lengths else "first_length"
    gap = ("gap_score" if scoring else "gap") if weighted else {"levenshtein": "1"}.get(kind, "GAP")
    if kind in ("levenshtein", "global"):
        first = (
            f"for j in range({mb} + 1):\n    {r('j')} = j * {gap}"
            if gap != "1"
            else f"for j in range({mb} + 1):\n    {r('j')} = j"
        )
        begin = f"diagonal = {r('0')}\n{r('0')} = {'(i + 1) * ' + gap if gap != '1' else 'i + 1'}"
    elif real:
        d.module("UNREACHABLE = wp.constant(1.0e6)")
        first = f"# paths must start at the corner\n{r('0')} = 0.0\nfor j in range(1, {mb} + 1):\n    {r('j')} = UNREACHABLE"
        begin = f"diagonal = {r('0')}\n{r('0')} = UNREACHABLE"
    else:
        first, begin = f"for j in range({mb} + 1):\n    {r('j')} = 0", "diagonal = int(0)"
    symbol = f"a[tid, i] == {bj}"
    pair = f"score[a[tid, i], {bj}]" if weighted and scoring else f"wp.where({symbol}, MATCH, MISMATCH)"
    value = {
        "levenshtein": (
            "cost = diagonal\n"
            f"if a[tid, i] != {bj}:\n"
            f"    cost += {'change' if weighted else '1'}\n"
            f"{r('j + 1')} = wp.min(cost, wp.min(above, {r('j')}) + {gap})"
        ),
        "lcs": (
            f"if {symbol}:\n"
            f"    {r('j + 1')} = diagonal + 1\n"
            "else:\n"
            f"    {r('j + 1')} = wp.max(above, {r('j')})"
        ),
        "local": (
            f"h = wp.max(diagonal + {pair}, wp.max(above, {r('j')}) + {gap})\n"
            "# Smith-Waterman: clamp at zero so that an alignment can start anywhere\n"
            "h = wp.max(h, 0)\n"
            f"{r('j + 1')} = h\n"
            "top = wp.max(top, h)"
        ),
        "global": f"{r('j + 1')} = wp.max(diagonal + {pair}, wp.max(above, {r('j')}) + {gap})",
        "warping": (
            f"step = wp.abs(a[tid, i] - {bj})\n"
            f"{r('j + 1')} = step + wp.min(diagonal, wp.min(above, {r('j')}))"
        ),
    }[kind]
    end = f"{out}[tid] = top" if kind == "local" else f"{out}[tid] = {r(mb)}"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $first
        $top
        for i in range($ma):
            $begin
            for j in range($mb):
                # Save the old entry because it is the diagonal for the next column
                above = $above
                $value
                diagonal = above
        $end
        """,
        first=first,
        top="top = int(0)" if kind == "local" else "",
        ma=ma,
        begin=begin,
        mb=mb,
        above=r("j + 1"),
        value=value,
        end=end,
    )
    pairs = "pairs of sequences" if against == "pairs" else "each sequence against one reference"
    d.says(
        {
            "levenshtein": f"Computes the edit distance for {pairs}.",
            "lcs": f"Computes the longest common subsequence length for {pairs}.",
            "local": (f"Computes the Smith-Waterman local alignment score for {pairs}."),
            "global": (f"Computes the Needleman-Wunsch global alignment score for {pairs}."),
            "warping": (
                "Computes the dynamic time warping (DTW) cost between each time series and "
                + ("its partner." if against == "pairs" else "one reference.")
            ),
        }[kind]
    )

    def reference(v: Values) -> dict[str, Any]:
        rows, found = np.zeros((n, lb + 1)), np.zeros(n)
        g = int(v.get("gap_score" if scoring else "gap", 1 if kind == "levenshtein" else -1))
        for p in range(n):
            x = v.a[p][: int(v.first_length[p])] if lengths else v.a[p]
            y = v.b[p] if against == "pairs" else v.b
            t = np.zeros((len(x) + 1, lb + 1))
            if kind in ("levenshtein", "global"):
                t[:, 0], t[0] = g * np.arange(len(x) + 1), g * np.arange(lb + 1)
            elif real:
                t[1:, 0] = t[0, 1:] = 1e6
            for i, j in np.ndindex(len(x), lb):
                same = x[i] == y[j]
                near, up, left = t[i, j], t[i, j + 1], t[i + 1, j]
                if kind == "levenshtein":
                    t[i + 1, j + 1] = min(near + (0 if same else int(v.get("change", 1))), up + g, left + g)
                elif kind == "lcs":
                    t[i + 1, j + 1] = near + 1 if same else max(up, left)
                elif real:
                    t[i + 1, j + 1] = abs(x[i] - y[j]) + min(near, up, left)
                else:
                    s = v.score[x[i], y[j]] if weighted else (2 if same else -1)
                    h = max(near + s, up + g, left + g)
                    t[i + 1, j + 1] = max(h, 0) if kind == "local" else h
            rows[p], found[p] = t[-1], t.max() if kind == "local" else t[-1, -1]
        kept = rows if layout == "rows" else rows.T
        return {out: found, "row": kept} if real else {out: found.astype(int), "row": kept.astype(int)}

    d.check(reference)


@DOMAIN.algorithm(
    source=(
        "Knuth, Morris & Pratt 1977; Horspool 1980; Karp & Rabin 1987; Baeza-Yates & Gonnet 1992 (shift-or)"
    ),
    names={
        "find_pattern": "string_match|pattern_search|search_text",
        "text": "haystack|symbols|stream",
        "pattern": "needle|word|motif",
        "matched": "q|state|prefix_len",
        "matches": "counts|hits|occurrences",
        "failure": "lps|prefix_table|border",
    },
    adjoint="no",
    weight=5,
)
def find_pattern(d: Draft) -> None:
    """Searches each text for a pattern."""
    method = d.option("method", "kmp", "naive", "horspool", "rolling hash", "bits")
    out = d.option("out", "count", "first", "flags")
    alphabet = d.option("symbols", "int", "uint8")
    layout = d.option("layout", "rows", "columns")
    n, length, m = d.pick(24, 32, 48), d.pick(24, 32, 40), d.pick(2, 3)
    m += method == "kmp"  # borders of two symbols never fall back
    k = 3
    d.input(
        "text",
        alphabet,
        (n, length) if layout == "rows" else (length, n),
        0,
        k if m == 2 else 2,
        about=f"texts, one per {layout[:-1]}",
    )
    d.input(
        "pattern",
        alphabet,
        m,
        0,
        k if m == 2 else 2,
        about="pattern to search for" + (", at most 32 symbols" if method == "bits" else ""),
    )
    at: Any = (lambda i: f"text[tid, {i}]") if layout == "rows" else (lambda i: f"text[{i}, tid]")
    d.param("text_length", "int", length, about="number of symbols per text")
    total = "text_length"
    target = {"count": "matches", "first": "position", "flags": "found"}[out]
    d.output(
        target,
        "int",
        (n, length) if out == "flags" and layout == "rows" else (length, n) if out == "flags" else n,
    )
    hit_at: Any = (
        (lambda i: f"found[tid, {i}] = 1") if layout == "rows" else (lambda i: f"found[{i}, tid] = 1")
    )

    def hit(i: str) -> str:
        made: dict[str, str] = {
            "count": "hits += 1",
            "first": f"position[tid] = {i}\nreturn",
            "flags": hit_at(i),
        }
        return made[out]

    start = {"count": "hits = int(0)", "first": "position[tid] = -1", "flags": ""}[out]
    end = "matches[tid] = hits" if out == "count" else ""
    if method == "kmp":
        d.module(f"PATTERN_LENGTH = wp.constant({m})")
        body = f"""
        # Failure function (KMP)
        failure = wp.vec{m}i()
        border = int(0)
        for i in range(1, PATTERN_LENGTH):
            while border > 0 and pattern[i] != pattern[border]:
                border = failure[border - 1]
            if pattern[i] == pattern[border]:
                border += 1
            failure[i] = border
        matched = int(0)
        for i in range({total}):
            while matched > 0 and {at("i")} != pattern[matched]:
                matched = failure[matched - 1]
            if {at("i")} == pattern[matched]:
                matched += 1
            if matched == PATTERN_LENGTH:
                $hit
                {"" if out == "first" else "matched = failure[matched - 1]"}
        """
        where = "i + 1 - matched"
    elif method == "naive":
        body = f"""
        for i in range({total} - pattern.shape[0] + 1):
            j = int(0)
            while j < pattern.shape[0] and {at("i + j")} == pattern[j]:
                j += 1
            if j == pattern.shape[0]:
                $hit
        """
        where = "i"
    elif method == "horspool":
        body = f"""
        m = pattern.shape[0]
        i = int(0)
        while i + m <= {total}:
            j = m - 1
            while j >= 0 and {at("i + j")} == pattern[j]:
                j -= 1
            if j < 0:
                $hit
            # Bad character rule (Horspool)
            last = {at("i + m - 1")}
            shift = int(1)
            while shift < m and pattern[m - 1 - shift] != last:
                shift += 1
            i += shift
        """
        where = "i"
    elif method == "rolling hash":
        d.module("BASE = wp.constant(wp.uint32(257))")
        body = f"""
        m = pattern.shape[0]
        goal = wp.uint32(0)
        h = wp.uint32(0)
        lead = wp.uint32(1)
        for j in range(m):
            goal = goal * BASE + wp.uint32(pattern[j])
            lead = lead * BASE
        for i in range({total}):
            h = h * BASE + wp.uint32({at("i")})
            if i >= m:
                # Roll the hash: drop the symbol leaving the window
                h = h - lead * wp.uint32({at("i - m")})
            if i >= m - 1 and h == goal:
                # Verify the match since hashes may collide
                same = int(0)
                while same < m and {at("i - m + 1 + same")} == pattern[same]:
                    same += 1
                if same == m:
                    $hit
        """
        where = "i - m + 1"
    else:
        body = f"""
        m = pattern.shape[0]
        # Shift-and: bit j is set if the first j + 1 pattern symbols match ending here
        state = wp.uint32(0)
        for i in range({total}):
            mask = wp.uint32(0)
            for j in range(m):
                if pattern[j] == {at("i")}:
                    mask = mask | (wp.uint32(1) << wp.uint32(j))
            state = ((state << wp.uint32(1)) | wp.uint32(1)) & mask
            if (state >> wp.uint32(m - 1)) != wp.uint32(0):
                $hit
        """
        where = "i - m + 1"
    d.launch(n)
    d.code("tid = wp.tid()\n$start\n$body\n$end", start=start, body=body, hit=hit(where), end=end)
    d.says(
        {
            "count": "Counts pattern occurrences in each text, including overlapping ones.",
            "first": "Finds the index of the first pattern occurrence in each text, or -1 if there is none.",
            "flags": "Flags every position where a pattern match starts in each text.",
        }[out]
    )

    def reference(v: Values) -> dict[str, Any]:
        text = v.text if layout == "rows" else v.text.T
        w = np.lib.stride_tricks.sliding_window_view(text, m, axis=1)
        there = np.zeros((n, length), int)
        there[:, : w.shape[1]] = (w == v.pattern).all(axis=-1)
        if out == "count":
            return {"matches": there.sum(axis=1)}
        if out == "first":
            return {"position": np.where(there.any(axis=1), there.argmax(axis=1), -1)}
        return {"found": there if layout == "rows" else there.T}

    d.check(reference)
