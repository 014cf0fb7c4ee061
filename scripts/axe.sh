#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# axe.sh [--pictures DIR] RUN : is RUN/report.html accessible? axe-core (from npm) and the checks of
# scripts/axe-page.js in headless Chromium, at 1440, 1024 and 390 px, light and dark, every <details> open.
# With --pictures also a picture of each (its first 16,000 px) and the report as PDF, to look at.
#
# Exit status: 0 nothing found, 1 something found (one line each), 2 wrong usage, 4 no Chromium or no npm.
# Not a part of `make test`: axe-core is the one thing here that is no Debian package.
# Environment: TAMALLOC_CACHE (default ~/.cache/tamalloc), where axe-core is kept; CHROMIUM, the browser.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
AXE_VERSION=4.14.1

die() {
	echo "axe: $2" >&2
	exit "$1"
}

pictures=
if [ "${1:-}" = --pictures ]; then
	[ $# -ge 2 ] || die 2 "--pictures needs a directory"
	pictures=$2
	shift 2
fi
[ $# -eq 1 ] || die 2 "usage: scripts/axe.sh [--pictures DIR] RUN (a directory such as results/latest)"
report=$1/report.html
[ -r "$report" ] || die 2 "$1 holds no report.html; write it with: build/tabench report $1"
chromium=${CHROMIUM:-chromium}
command -v "$chromium" >/dev/null || die 4 "unsupported: no $chromium here; install the Debian package chromium"

axe=${TAMALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamalloc}/axe-$AXE_VERSION
if [ ! -r "$axe/node_modules/axe-core/axe.min.js" ]; then
	command -v npm >/dev/null || die 4 "unsupported: no npm here, which brings axe-core; install the Debian package npm"
	mkdir -p "$axe"
	npm install --prefix "$axe" --ignore-scripts --no-audit --no-fund --silent "axe-core@$AXE_VERSION" >&2 ||
		die 4 "unsupported: npm cannot bring axe-core $AXE_VERSION"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$report" "$work/report.html"
{ # the same page with axe-core and our checks at its end
	sed -e '/^<\/body>$/,$d' "$report"
	for script in "$axe/node_modules/axe-core/axe.min.js" "$here/axe-page.js"; do
		echo "<script>"
		cat "$script"
		echo "</script>"
	done
	echo "</body></html>"
} >"$work/checked.html"

# Chromium's window is at least 500 px wide: a telephone is a frame of its own.
frame() { # PAGE WIDTH HEIGHT : a page with PAGE in a frame of that size, and what it says
	cat <<-HTML
		<!DOCTYPE html><html lang="en"><title>frame</title><body style="margin:0">
		<iframe src="$1" style="width:$2px;height:$3px;border:0"></iframe>
		<script>addEventListener("message", (event) => {
		const result = document.createElement("pre");
		result.id = "result";
		result.textContent = event.data;
		document.body.appendChild(result);
		});</script></body></html>
	HTML
}
frame checked.html 390 844 >"$work/checked-390.html"
frame report.html 390 16000 >"$work/report-390.html"

browse() { # SCHEME WIDTH HEIGHT OPTION ... : one fresh, offline browser
	local options=(--headless --disable-gpu --disable-quic --no-first-run --disable-background-networking
		--disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$work/profile" --window-size="$2,$3")
	[ "$(id -u)" -ne 0 ] || options+=(--no-sandbox)
	[ "$1" = light ] || options+=(--blink-settings=preferredColorScheme=0)
	timeout 300 "$chromium" "${options[@]}" "${@:4}" 2>"$work/stderr"
}

status=0
for width in 1440 1024 390; do
	name=checked suffix=
	[ "$width" -ge 500 ] || suffix=-$width
	for scheme in light dark; do
		browse "$scheme" "$width" 900 --virtual-time-budget=60000 --dump-dom "file://$work/$name$suffix.html" >"$work/dom" || true
		sed -n '/<pre id="result">/,/<\/pre>/p' "$work/dom" | sed -e 's/.*<pre id="result">//; s/<\/pre>.*//' \
			-e 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' >"$work/found"
		rules=$(sed -n '1s/^rules \([0-9]*\)$/\1/p' "$work/found")
		[ -n "$rules" ] || die 1 "axe-core gave no answer at $width px, $scheme: $(tail -n 1 "$work/stderr")"
		sed -i -e 1d -e '/^$/d' "$work/found"
		echo "$width px, $scheme: $(wc -l <"$work/found") findings, $rules axe rules applied"
		sed 's/^/  /' "$work/found"
		[ ! -s "$work/found" ] || status=1
		[ -z "$pictures" ] || {
			mkdir -p "$pictures"
			browse "$scheme" "$width" 16000 --screenshot="$work/picture.png" "file://$work/report$suffix.html" >/dev/null || true
			mv "$work/picture.png" "$pictures/report-$width-$scheme.png"
		}
	done
done
if [ -n "$pictures" ]; then
	browse light 1024 900 --no-pdf-header-footer --print-to-pdf="$work/report.pdf" "file://$work/report.html" >/dev/null || true
	mv "$work/report.pdf" "$pictures/report.pdf"
	echo "pictures: $pictures"
fi
exit $status
