#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# reference.sh RUN          : make RUN, a complete default run, the reference: write results/reference and
#                             the generated blocks of README.md.
# reference.sh --refresh    : write both again from the samples in results/reference (the report changed).
# reference.sh --check      : do README.md and results/reference say what those samples say? Writes nothing.
# reference.sh --unpack DIR : put the run back into DIR, as tabench report, compare and merge take it.
#
# Exit status: 0 done; 1 something failed, or differs; 2 wrong usage. TA_ROOT names another tree (for tests).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${TA_ROOT:-$here/..}
readme=$root/README.md
reference=$root/results/reference
tabench=$here/../build/tabench
charts=(headline crossover-host crossover-vm) # that are committed; the first is README's

usage="usage: scripts/reference.sh RUN | --refresh | --check | --unpack DIR"
die() {
	echo "reference: $*" >&2
	exit "${code:-1}"
}

for command in jq xz; do
	command -v $command >/dev/null || die "$command is missing; apt-get install ${command/#xz/xz-utils}"
done
[ -x "$tabench" ] || die "build/tabench is missing; make build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a report is made from, and nothing else. Of the kernel's command line, what bears on memory and
# speed: the rest is how a provider starts its machines.
take() { # RUN DIR
	local run=$1 dir=$2 folder file
	mkdir "$dir"
	jq --arg keep '^(mitigations|transparent_hugepage|default_hugepagesz|hugepages|hugepagesz|numa|numa_balancing|nosmt|isolcpus|nohz_full|intel_pstate|preempt|init_on_alloc|init_on_free|swiotlb|psi|nokaslr|mem|maxcpus|deferred_init)(=|$)' '
		.environment.kernel.command_line |= (split(" -- ")[0] | split(" ") | map(select(test($keep))) |
			join(" ") + " (others left out)")' "$run/run.json" >"$dir/run.json"
	cp "$run/samples.jsonl" "$dir/"
	for folder in timeline timeline-vm gbench; do
		[ -d "$run/$folder" ] || continue
		mkdir "$dir/$folder"
		for file in "$run/$folder"/*; do
			case $file in *-exact.csv) ;; *) cp "$file" "$dir/$folder/" ;; esac
		done
	done
}

unpack() { # DIR
	[ -r "$reference/run.tar.xz" ] || die "there is no results/reference/run.tar.xz; make it with: scripts/reference.sh RUN"
	mkdir -p "$1"
	tar -xJf "$reference/run.tar.xz" -C "$1"
}

figures() { # BLOCK RUN : from reference.jq
	jq -r --slurpfile run "$2/run.json" "$(cat "$here/reference.jq") $1" "$2/summary.json"
}

refuse_unfit() { # RUN
	jq -e '.profile == "default" and (.sessions | length > 0 and .[-1].ended == "complete")' "$1/run.json" >/dev/null ||
		die "$1 is no complete run of the default profile; make one with: make bench"
	jq -e '.verify | .failed == 0 and .passed >= 0.99 * .ok_cells' "$1/summary.json" >/dev/null ||
		die "$1 has cells that failed their verification, or too few that passed it; see its report"
	jq -e '[.verdicts[].too_few_repetitions] | any | not' "$1/summary.json" >/dev/null ||
		die "$1 has too few repetitions for a claim; make another with: make bench"
}

# The lines between <!-- reference:NAME --> and <!-- /reference --> become BLOCK's.
write_readme() { # RUN OUT
	local name
	cp "$readme" "$2"
	for name in headline tables; do
		figures "$name" "$1" >"$work/block"
		awk -v file="$work/block" -v begin="<!-- reference:$name -->" '
			!inside { print }
			$0 == begin { inside = found = 1; while ((getline line < file) > 0) print line }
			inside && $0 == "<!-- /reference -->" { inside = 0; print }
			END { exit !found || inside }' "$2" >"$work/readme" || die "README.md has no block $name (<!-- reference:$name --> to <!-- /reference -->)"
		cp "$work/readme" "$2"
	done
}

# Writes into OUT what of results/reference derives from RUN, whose report is written.
derive() { # RUN OUT
	local run=$1 out=$2 text
	cp "$run/run.json" "$out/"
	figures summary_csv "$run" >"$out/summary.csv"
	# A chart that is not committed leaves its title.
	text=$(printf '%s|' "${charts[@]}")
	sed -E "/^!\[/{ /\((charts\/(${text%|})\.svg)\)\$/! s/^!\[(.*)\]\(.*\)\$/*\1* (chart: \`scripts\/reference.sh --unpack DIR\`, \`make report RUN=DIR\`)/ }" \
		"$run/report.md" >"$out/report.md"
}

copy_charts() { # RUN OUT
	local name
	mkdir "$2/charts"
	for name in "${charts[@]}"; do
		[ -s "$1/charts/$name.svg" ] || die "the run's report has no chart $name; is gnuplot-nox installed?"
		cp "$1/charts/$name.svg" "$2/charts/"
	done
}

write_all() { # RUN : its report is written
	local new=$work/new part parts=()
	for part in run.json samples.jsonl timeline timeline-vm gbench; do
		[ ! -e "$1/$part" ] || parts+=("$part")
	done
	mkdir "$new"
	derive "$1" "$new"
	copy_charts "$1" "$new"
	write_readme "$1" "$work/README.md"
	tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r,a+X --mtime=@0 -cf - \
		"${parts[@]}" | xz -9e >"$new/run.tar.xz"
	rm -rf "$reference"
	mv "$new" "$reference"
	cp "$work/README.md" "$readme"
	echo "reference: wrote results/reference ($(du -sk --apparent-size "$reference" | cut -f1) KiB) and the figures of README.md; look at both and commit them" >&2
}

case ${1:-} in
--refresh | --check) [ $# -eq 1 ] || code=2 die "$usage" ;;
--unpack)
	[ $# -eq 2 ] || code=2 die "$usage"
	[ ! -e "$2" ] || [ -z "$(ls -A "$2")" ] || die "'$2' is not empty; name another directory"
	unpack "$2"
	exit 0
	;;
'' | -*) code=2 die "$usage" ;;
*)
	[ $# -eq 1 ] || code=2 die "$usage"
	if [ ! -r "$1/samples.jsonl" ] || [ ! -r "$1/run.json" ]; then
		die "'$1' is not the directory of a run; give one such as results/latest"
	fi
	take "$1" "$work/run"
	"$tabench" report "$work/run" >/dev/null
	refuse_unfit "$work/run"
	write_all "$work/run"
	exit 0
	;;
esac

unpack "$work/run"
if [ "$1" = --refresh ]; then
	"$tabench" report "$work/run" >/dev/null
	write_all "$work/run"
	exit 0
fi

# --check: the figures, wherever they are committed, against those that the samples give now.
"$tabench" report --no-plots "$work/run" >/dev/null
differs=0
mkdir "$work/now"
derive "$work/run" "$work/now"
write_readme "$work/run" "$work/README.md"
same() { # FILE COMMITTED NOW
	cmp -s "$2" "$3" && return
	differs=1
	echo "reference: $1 does not say what the samples say; scripts/reference.sh --refresh writes it again" >&2
	diff "$2" "$3" | head -n 6 >&2 || true
}
same results/reference/run.json "$reference/run.json" "$work/now/run.json"
same results/reference/summary.csv "$reference/summary.csv" "$work/now/summary.csv"
same README.md "$readme" "$work/README.md"
exit $differs
