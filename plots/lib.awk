# SPDX-License-Identifier: MIT
# What the charts' .awk files share. Input files are tab-separated with a header line.

# At each header line: field["name"] is that column's number.
function read_header(   i) {
	split("", field)
	for (i = 1; i <= NF; i++)
		field[$i] = i
}

function cell(name) { return (name in field) ? $(field[name]) : "" }

function quoted(text) { gsub(/["\\]/, "", text); return "\"" text "\"" }

# A name as it fits into a chart's column of names: plain ASCII, the middle of a long one left out.
function fit(text) {
	gsub(/[^ -~]/, "?", text)
	return length(text) <= 22 ? text : substr(text, 1, 12) "\342\200\246" substr(text, length(text) - 8)
}

function log10(x) { return log(x) / log(10) }

# 1234567 -> 1,234,567
function thousands(n,   s, r) {
	s = sprintf("%d", n + 0.5)
	for (r = ""; length(s) > 3; s = substr(s, 1, length(s) - 3))
		r = "," substr(s, length(s) - 2) r
	return s r
}

# Three significant digits, thousands grouped.
function short(x) {
	if (x >= 1000) return thousands(sprintf("%.3g", x) + 0)
	if (x >= 100) return sprintf("%.0f", x)
	if (x >= 10) return sprintf("%.1f", x)
	return sprintf("%.2f", x)
}

function bytes_text(b,   i, unit) {
	split("B KiB MiB GiB TiB PiB", unit, " ")
	for (i = 1; b >= 1024 && i < 6; i++)
		b /= 1024
	return (b == int(b) || b >= 100 ? sprintf("%.0f", b) : sprintf("%.1f", b)) " " unit[i]
}

# A measured group of cells as people call it.
function group_name(workload, fill, size, many_sizes, threads) {
	return workload (fill + 0 ? ", fill " fill : "") (many_sizes ? ", " bytes_text(size + 0) : "") \
		(threads + 0 > 1 ? ", " threads " threads" : "")
}

# order[1..n] of indices 1..n, by value[] rising (insertion sort; n is small).
function sort_by(value, n, order,   i, j) {
	for (i = 1; i <= n; i++) {
		for (j = i; j > 1 && value[order[j - 1]] + 0 > value[i] + 0; j--)
			order[j] = order[j - 1]
		order[j] = i
	}
}

# Where labels for the heights at[1..n] (0 bottom, 1 top) can stand with `gap` between: place[1..n].
function spread(at, n, gap, place,   order, i, k) {
	sort_by(at, n, order)
	for (i = 1; i <= n; i++) {
		k = order[i]
		place[k] = at[k]
		if (i > 1 && place[k] < place[order[i - 1]] + gap)
			place[k] = place[order[i - 1]] + gap
	}
	for (i = n; i >= 1; i--) { # what stands above the top moves down again
		k = order[i]
		if (place[k] > 1 - (n - i) * gap)
			place[k] = 1 - (n - i) * gap
	}
}

# Is an axis from low to high better logarithmic?
function wants_log(low, high) { return low > 0 && high / low > 20 }

# Height 0..1 of value on an axis.
function on_axis(value, low, high, logarithmic) {
	if (logarithmic)
		return (log10(value) - log10(low)) / (log10(high) - log10(low))
	return (value - low) / (high - low)
}

# Tics of a linear axis from 0: two to five of them.
function linear_tics(high,   decade, step, text, at) {
	decade = 10 ^ int(log10(high) + 100) / 1e100
	step = decade * (high >= 5 * decade ? 2 : high >= 2 * decade ? 1 : 0.5)
	for (at = 0; at <= high * 1.0001; at += step)
		text = text (at ? ", " : "") quoted(step < 1 ? at "" : thousands(at)) " " at
	return "(" text ")"
}

# 20000 -> 20k, 3000000 -> 3M: for tics, which stand close.
function compact(x) {
	if (x >= 1e9) return x / 1e9 "G"
	if (x >= 1e6) return x / 1e6 "M"
	if (x >= 1e3) return x / 1e3 "k"
	return x ""
}

# Each decade, and 2 and 5 between where there are few: tics of a logarithmic axis.
function log_tics(low, high,   decade, text, m, steps, n, i, few) {
	few = high / low < 2000
	n = split(few ? "1 2 5" : "1", steps, " ")
	for (decade = 10 ^ int(log10(low) - 1); decade <= high; decade *= 10)
		for (i = 1; i <= n; i++) {
			m = decade * steps[i]
			if (m >= low * 0.999 && m <= high * 1.001)
				text = text (text ? ", " : "") quoted(compact(m)) " " m
		}
	return "(" text ")"
}

# What the bars of target are, at the clock of its costs.
function interval() {
	return target == "vm" ? "the range of the repetitions" : "the 95 % interval of the median"
}

# The lines that the report shows under a chart: title, then caption: what to look for, what is shown, and
# the files of the run that hold the same as figures.
function write_caption(title, see, shown, figures) {
	print title > (dir "/caption.txt")
	print "What to see: " see " " shown " Figures: " figures "." > (dir "/caption.txt")
	print "chart_title = " quoted(title) > (dir "/vars.gp")
}
