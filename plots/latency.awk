# SPDX-License-Identifier: MIT
#
# Lines of latency, one per subject: line-j.tsv (x, y) and panel.gp. From latency.csv (want = touch): the
# slowest share of the operations that took at least so long. From cells.csv (want = alloc or small): the
# cost of one operation by the size of the block. Of more than MOST_LINES subjects, those are shown that at
# least half of the workloads measured. Wants: dir, target, want, cells (cells.csv, tab-separated).

BEGIN {
	FS = "\t"; LABEL_PX = 19; MOST_LINES = 16
	workload = want == "touch" ? "touch-latency" : want == "alloc" ? "alloc-latency" : "small-blocks"
	column = want == "touch" ? "at_least" : want == "alloc" ? "latency_p50" : "reuse_cost_per_operation"
}

FNR == 1 { read_header(); next }

cell("target") != target || cell("workload") != workload || cell(column) == "" || cell("fill") + 0 != 0 { next }

{
	name = cell("subject")
	unit = cell("cost_unit")
	seen[name] = 1
	n = ++points[name]
	# Shares: 1 at the left, a thousandth three decades to the right.
	x[name, n] = want == "touch" ? -log10(cell("share") + 0) : log(cell("size_bytes") + 0) / log(2)
	y[name, n] = cell(column) + 0 > 0 ? cell(column) + 0 : 1
	if (x_low == "" || x[name, n] < x_low) x_low = x[name, n]
	if (x_high == "" || x[name, n] > x_high) x_high = x[name, n]
	if (low == "" || y[name, n] < low) low = y[name, n]
	if (high == "" || y[name, n] > high) high = y[name, n]
}

# Takes out of seen[] those that few workloads measured, where they are too many to tell apart; a sentence about it.
function leave_out(   name, n, all, line, f, i, at, measured, most) {
	for (name in seen)
		all++
	if (all <= MOST_LINES)
		return ""
	while ((getline line < cells) > 0) {
		split(line, f, "\t")
		if (!("subject" in at)) {
			for (i in f)
				at[f[i]] = i
		} else if (f[at["target"]] == target && f[at["outcome"]] == "ok" && ++measured[f[at["subject"]]] > most) {
			most = measured[f[at["subject"]]]
		}
	}
	for (name in seen)
		if (measured[name] < most / 2)
			delete seen[name]
		else
			n++
	return n == all ? "" : " Of " all " subjects the " n " are shown that most workloads measure; the tables have all."
}

# Tics at each third power of two, or at each decade of shares.
function tics(   at, text, i, share) {
	if (want == "touch") {
		split("100 %%|10 %%|1 %%|0.1 %%|0.01 %%|0.001 %%|0.0001 %%", share, "|")
		for (at = 0; at <= x_high && at <= 6; at += x_high > 4.4 ? 2 : 1)
			text = text (text ? ", " : "") quoted(share[at + 1]) " " at
		return "(" text ")"
	}
	for (at = int(x_low); at <= x_high + 0.01; at++)
		if ((at - int(x_low)) % step == 0)
			text = text (text ? ", " : "") quoted(bytes_text(2 ^ at)) " " at
	return "(" text ")"
}

END {
	left_out = leave_out()
	count = number_subjects(seen)
	if (!count || x_high <= x_low)
		exit
	if (want != "touch")
		step = x_high - x_low > 16 ? 8 : x_high - x_low > 8 ? 4 : 2
	logarithmic = wants_log(low, high)
	low = logarithmic ? low / 1.3 : 0
	high = logarithmic ? high * 1.5 : high * 1.08
	file = dir "/panel.gp"
	margin = (x_high - x_low) * 0.04
	for (name in seen) {
		j = subject_index[name]
		labels[j] = name
		for (i = 1; i <= points[name]; i++)
			print x[name, i] "\t" y[name, i] > (dir "/line-" j ".tsv")
		end_x[j] = (x[name, points[name]] - x_low + margin) / (x_high - x_low + 2 * margin)
		end_y[j] = on_axis(y[name, points[name]], low, high, logarithmic)
	}
	px = count * LABEL_PX > 320 ? count * LABEL_PX : 320
	write_labels(file, count, labels, end_x, end_y, px, 1)
	print "panel_px = " px ".0" > (dir "/vars.gp")
	print "lines = " count > (dir "/vars.gp")
	print "marks = " (want == "touch" ? 0 : 1) > (dir "/vars.gp")
	print "x_low = " x_low - margin > (dir "/vars.gp")
	print "x_high = " x_high + margin > (dir "/vars.gp")
	print "y_low = " low > (dir "/vars.gp")
	print "y_high = " high > (dir "/vars.gp")
	print "logarithmic = " logarithmic > (dir "/vars.gp")
	print "x_tics = '" tics() "'" > (dir "/vars.gp")
	print "y_tics = '" (logarithmic ? log_tics(low, high) : linear_tics(high)) "'" > (dir "/vars.gp")
	print "unit = " quoted(unit) > (dir "/vars.gp")
	print "x_title = " quoted(want == "touch" ? "share of the touches that took at least so long" : "size of the block") > (dir "/vars.gp")
	where = target == "vm" ? " (VM, instructions)" : ""
	if (want == "touch")
		write_caption("First touch: how slow are the slowest" where, \
			"the further right a line stays low, the rarer are its slow touches.", \
			"Each first write to a page is timed by itself, all samples together. At 0.1 % a line shows what the slowest thousandth of the touches took at least. What reading the clock costs is in each. An eager subject's pages are there already: its allocation was slow instead." left_out " Lower is better.", "latency.csv")
	else if (want == "alloc")
		write_caption("What one allocation takes, by size" where, \
			"a line that stays low only reserves, and pays at the first touch; one that rises with the size clears the whole block at once.", \
			"Median of the allocations of a sample, and of the samples; fill 0, nothing touched." left_out " Lower is better.", "cells.csv")
	else
		write_caption("Small blocks: one freed, another allocated" where, \
			"ways that keep freed blocks for themselves stay low; those that ask the kernel each time start high.", \
			"256 blocks of the size exist; one chosen at random is freed, another allocated in its place and written to, again and again." left_out " Lower is better.", "cells.csv")
}
