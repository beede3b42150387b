"""One run of the command with its CPU seconds, in whichever commit is on the path: a script, not a module.

    python running.py REPORT ARGUMENTS…

REPORT gets the exit code and the CPU seconds of the run's own process, the coordinator's, and of its workers.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

if __name__ == "__main__":
    from warpgen.run import main

    code = main(sys.argv[2:])
    usage = {
        name: resource.getrusage(who)
        for name, who in (("coordinator", resource.RUSAGE_SELF), ("workers", resource.RUSAGE_CHILDREN))
    }
    spent = {name: use.ru_utime + use.ru_stime for name, use in usage.items()}
    Path(sys.argv[1]).write_text(json.dumps({"code": code, **spent}))
