"""Make the whole folder of a release from finished datasets, check it, and upload it or say what would be."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.publishing import benchmarks, checks, pages
from warpgen import durable
from warpgen.errors import UsageError
from warpgen.exporting.export import Request, appearing, export
from warpgen.paths import manifest_path
from warpgen.record import Target
from warpgen.reporting import finished
from warpgen.reporting.manifest import Manifest
from warpgen.terminal import size_text

_LICENCE = Path(__file__).resolve().parents[1] / "LICENSE"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m tools.publish", description=__doc__)
    made.add_argument("root", type=Path, help="folder that holds manifests/ and data/")
    made.add_argument("out", type=Path, help="folder to make; it must be new or empty")
    made.add_argument(
        "--benchmarks", type=Path, metavar="FOLDER", help="a file or a folder for each benchmark"
    )
    made.add_argument("--repo", metavar="OWNER/NAME", help="dataset on Hugging Face's hub to upload to")
    made.add_argument("--dry-run", action="store_true", help="upload nothing: print what would be")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """1 when the release is not whole, 2 when it cannot be made."""
    args = parser().parse_args(argv)
    try:
        if not args.dry_run and not args.repo:
            raise UsageError("name the dataset to upload to with --repo OWNER/NAME, or add --dry-run")
        make(args.root, args.out, args.benchmarks)
    except UsageError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    found = checks.problems(args.out)
    for problem in found:
        print(f"publish: {problem}", file=sys.stderr)
    if found:
        return 1
    print(f"{args.out}: checksums, licences, card and Croissant metadata hold")
    return _listed(args.out, args.repo) if args.dry_run else _uploaded(args.out, args.repo)


def make(root: Path, out: Path, compared: Path | None = None) -> None:
    """The folder, all of it or nothing. Raises UsageError where it cannot be made."""
    manifests = finished.described(root)
    with tempfile.TemporaryDirectory() as scratch, appearing(out) as folder:
        texts = benchmarks.gathered(compared, Path(scratch)) if compared else {}
        exclude = tuple(path for path, _ in texts.values())
        request = Request(root=root, out=folder, format="hf", shares=(98, 1, 1), exclude=exclude)
        summary = export(request)
        numbers = {name: count for name, (_, count) in texts.items()}
        written = {
            "README.md": pages.card((folder / "README.md").read_text("utf-8")),
            "croissant.json": _dated(folder / "croissant.json", manifests),
            "DATA_STATEMENT.md": pages.statement(manifests),
            "CONTAMINATION.md": pages.contamination(summary, numbers),
            "LICENSE": _LICENCE.read_text("utf-8"),
        }
        (folder / "manifests").mkdir()
        for target in manifests:
            path = manifest_path(root, target)
            written[f"manifests/{path.name}"] = path.read_text("utf-8")
        for name, text in written.items():
            durable.write(folder / name, text.encode())
        checks.write_sums(folder)


def _dated(path: Path, manifests: dict[Target, Manifest]) -> str:
    """The metadata with the day on which the datasets were finished, which repeats, unlike today."""
    told = json.loads(path.read_text("utf-8"))
    told["datePublished"] = max(m.circumstances.finished for m in manifests.values())[:10]
    return json.dumps(told, indent=1) + "\n"


def _listed(folder: Path, repo: str | None) -> int:
    """What an upload would take, by the rules of the hub's own client."""
    from huggingface_hub.utils import _paths as rules

    every = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
    taken = list(rules.filter_repo_objects(sorted(every), ignore_patterns=rules.DEFAULT_IGNORE_PATTERNS))
    for name in taken:
        print(f"would upload {name}  {size_text(every[name])}")
    total = size_text(sum(every[name] for name in taken))
    print(f"{len(taken)} files, {total}, to the dataset {repo or 'that --repo names'}; nothing was uploaded")
    return 0


def _uploaded(folder: Path, repo: str) -> int:
    from huggingface_hub import DatasetCard, HfApi

    DatasetCard.load(folder / "README.md").validate()
    made = HfApi().upload_folder(repo_id=repo, folder_path=folder, repo_type="dataset")
    print(f"uploaded: {made.commit_url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
