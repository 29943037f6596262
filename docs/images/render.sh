#!/usr/bin/env bash
# Draws demo.png: what `gke-posture audit --demo` prints at 100 columns, its middle cut out.
# Needs awk, sed, a monospace font and Chromium (CHROMIUM names another binary).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$here/../.." && COLUMNS=100 cargo run --quiet --locked -- audit --demo --color always </dev/null) >"$work/out"

# Keep the beginning, as far as the high findings, and the end, from the coverage table on.
awk '
  { line[NR] = $0 }
  /^[^ ]*medium/ && !head { head = NR - 1 }
  /^namespace +environment/ { tail = NR }
  END {
    print "\033[2m$ gke-posture audit --demo\033[0m\n"
    for (i = 1; i <= head; i++) print line[i]
    printf "\033[2m           … %d lines left out of this picture …\033[0m\n\n", tail - head - 1
    for (i = tail; i <= NR; i++) print line[i]
  }' "$work/out" >"$work/cut"

esc=$'\033'
{
  cat <<'HTML'
<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #10151c; color: #d5dbe3 }
pre { margin: 0; padding: 18px 22px; font: 13px/18px "DejaVu Sans Mono", Menlo, Consolas, monospace }
.b { font-weight: bold } .d { color: #7d8896 }
.r { color: #ff6b64 } .y { color: #e5b454 } .c { color: #5cc8d7 } .m { color: #c792ea }
</style><pre>
HTML
  sed -e 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' \
    -e "s/$esc\[1;31m/<span class='b r'>/g; s/$esc\[31m/<span class=r>/g" \
    -e "s/$esc\[33m/<span class=y>/g; s/$esc\[36m/<span class=c>/g; s/$esc\[35m/<span class=m>/g; s/$esc\[2m/<span class=d>/g" \
    -e "s/$esc\[0m/<\/span>/g" "$work/cut"
  echo '</pre>'
} >"$work/demo.html"

height=$(($(wc -l <"$work/cut") * 18 + 36))
"${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync --user-data-dir="$work/profile" \
  --hide-scrollbars --disable-lcd-text --force-device-scale-factor=1.3 --window-size="832,$height" \
  --screenshot="$here/demo.png" "file://$work/demo.html" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
ls -l "$here/demo.png"
