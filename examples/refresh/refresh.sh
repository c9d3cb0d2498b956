#!/usr/bin/env bash
# Refresh the segments by the month that has ended; or by another: refresh.sh 2026-03
# Next to this script: runs/YYYY-MM (one run folder per month, the first by `segmentry run`),
# logs (all files of the log) and history (made by the first refresh).
set -u
cd "$(dirname "$0")" || exit 2
month=${1:-$(date -d "$(date +%Y-%m-01) -1 day" +%Y-%m)}
last=$(basename "$(ls -d runs/????-?? | sort | grep -v -x "runs/$month" | tail -1)")

segmentry refresh "runs/$last" logs --since "$month-01" \
  --until "$(date -d "$month-01 +1 month" +%F)" --out "runs/$month" --history history
code=$?

case $code in
  0) echo "$month: the same segments" ;;
  10) echo "$month: segments were formed again; hand on new lists" ;;
  11) echo "$month: a person should look at runs/$month/report.html" >&2 ;;
  *) echo "$month: nothing was written" >&2 ;;
esac
exit $code
