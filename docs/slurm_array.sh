#!/bin/bash
# A dataset from 16 tasks of a Slurm array, each on a machine of its own:
#
#     array=$(sbatch --parsable docs/slurm_array.sh)
#     sbatch --dependency=afterok:$array --wrap ".venv/bin/python -m warpgen.merge shards/* --root whole"
#
# Run in a checkout on a file system that all machines see. A task that is stopped, at its time limit or for
# another job, goes on where it was when it is queued again.
#SBATCH --job-name=warpgen
#SBATCH --array=1-16
#SBATCH --cpus-per-task=32
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60
set -euo pipefail
exec .venv/bin/python -m warpgen.run --size 10GiB --seed 0 \
    --partition "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --root "shards/$SLURM_ARRAY_TASK_ID"
