#!/usr/bin/env bash
# Grades a folder of submissions as a Slurm array job: task I of N takes every N-th student, into a gradebook of its own.
#
#   sbatch --array=0-9 drills/cluster/slurm.sh SUBMISSIONS SHARDS
#   deltaw class merge SHARDS/*.db --out grades.db --grades grades.csv      when all tasks are done
#
# SUBMISSIONS and SHARDS are on storage that all nodes share. Build deltaw and the course once before (`cargo build --release`, then
# `cargo build --release --package drills`), so that the tasks find the dependencies compiled. A task that was stopped goes on where it was
# when it is submitted again: `sbatch --array=3 …`, with DELTAW_SHARDS=10 for the number of all.
#
#SBATCH --job-name=deltaw-grade
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=02:00:00
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: sbatch --array=0-9 slurm.sh SUBMISSIONS SHARDS" >&2
  exit 2
fi
submissions=$1 out=$2
index=${SLURM_ARRAY_TASK_ID:?run it with sbatch --array}
shards=${DELTAW_SHARDS:-${SLURM_ARRAY_TASK_COUNT:?run it with sbatch --array, or set DELTAW_SHARDS}}
mkdir -p "$out"
exec "${DELTAW:-deltaw}" class grade "$submissions" --shard "$index/$shards" --gradebook "$out/shard-$index.db" \
  --course "${DELTAW_COURSE:-drills}" --sandbox "${DELTAW_SANDBOX:-require}" --jobs "${SLURM_CPUS_PER_TASK:-1}"
