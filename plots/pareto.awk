# SPDX-License-Identifier: MIT
#
# cells.csv as panels of time against committed memory, one per workload (and fill, size): panel-i.tsv
# (MiB, cost, subject's index), front-i.tsv (the trade-offs that nothing beats in both) and panel-i.gp.
# apps.csv, with want=apps, likewise: one per program.
# Wants: dir, target; or dir, want.

BEGIN { FS = "\t"; LABEL_PX = 19; MIB = 1048576 }

FNR == 1 { read_header(); next }

want == "apps" {
	if (cell("outcome") == "ok" && cell("time_ns") != "" && cell("peak_committed_bytes") != "")
		add_point(cell("program"), cell("subject"), cell("time_ns") / 1e6, cell("peak_committed_bytes"))
	next
}

# "null" allocates nothing: it is no way of getting memory.
cell("target") != target || cell("workload") == "fraction" || cell("subject") == "null" { next }
cell("latency_p50") != "" || cell("outcome") != "ok" || cell("total_cost_per_page") + 0 <= 0 || cell("committed_bytes") == "" { next }

{
	key = cell("workload") SUBSEP cell("fill") SUBSEP cell("size_bytes") SUBSEP cell("threads")
	fill[key] = cell("fill")
	size[key] = cell("size_bytes")
	threads[key] = cell("threads")
	workload[key] = cell("workload")
	if (!(size[key] in size_seen)) {
		size_seen[size[key]] = 1
		n_sizes++
	}
	add_point(key, cell("subject"), cell("total_cost_per_page") + 0, cell("committed_bytes"))
	unit = cell("cost_unit")
}

function add_point(key, subject, its_cost, bytes,   i) {
	if (!(key in members))
		groups[++n_groups] = key
	i = ++members[key]
	name[key, i] = subject
	seen[subject] = 1
	mib[key, i] = bytes / MIB
	cost[key, i] = its_cost
}

function write_panel(key, p,   n, i, j, file, x_high, low, high, logarithmic, best, order, costs, mibs) {
	n = members[key]
	split("", labels); split("", x); split("", y); split("", mibs)
	low = ""
	x_high = high = 0
	for (i = 1; i <= n; i++) {
		if (mib[key, i] > x_high) x_high = mib[key, i]
		if (cost[key, i] > high) high = cost[key, i]
		if (low == "" || cost[key, i] < low) low = cost[key, i]
		mibs[i] = mib[key, i] + cost[key, i] * 1e-12 # the faster first where both commit the same
		labels[i] = name[key, i]
	}
	x_high = x_high > 0 ? x_high * 1.06 : 1
	logarithmic = wants_log(low, high)
	low = logarithmic ? low / 1.5 : 0
	high = logarithmic ? high * 1.5 : high * 1.1
	panel_px = n * LABEL_PX > 170 ? n * LABEL_PX : 170
	for (i = 1; i <= n; i++) {
		x[i] = mib[key, i] / x_high
		y[i] = on_axis(cost[key, i], low, high, logarithmic)
		print mib[key, i] "\t" cost[key, i] "\t" subject_index[labels[i]] > (dir "/panel-" p ".tsv")
	}
	sort_by(mibs, n, order)
	best = ""
	for (j = 1; j <= n; j++) {
		i = order[j]
		if (best != "" && cost[key, i] >= best)
			continue
		if (best != "")
			print mib[key, i] "\t" best > (dir "/front-" p ".tsv")
		best = cost[key, i]
		print mib[key, i] "\t" best > (dir "/front-" p ".tsv")
	}
	file = dir "/panel-" p ".gp"
	print "panel_title = " quoted(want == "apps" ? key : group_name(workload[key], fill[key], size[key], n_sizes > 1, threads[key])) > file
	print "panel_px = " panel_px ".0" > file
	print "x_high = " x_high > file
	print "y_low = " low > file
	print "y_high = " high > file
	print "logarithmic = " logarithmic > file
	print "x_tics = '" linear_tics(x_high) "'" > file
	print "y_tics = '" (logarithmic ? log_tics(low, high) : linear_tics(high)) "'" > file
	write_labels(file, n, labels, x, y, panel_px, 0)
	heights = heights " panel_height[" p "] = " panel_px ";"
}

END {
	if (!n_groups)
		exit
	number_subjects(seen)
	for (g = 1; g <= n_groups; g++)
		write_panel(groups[g], g)
	print "panels = " n_groups > (dir "/vars.gp")
	print "array panel_height[" n_groups "]" > (dir "/vars.gp")
	print heights > (dir "/vars.gp")
	if (want == "apps") {
		print "y_title = 'milliseconds'" > (dir "/vars.gp")
		print "x_title = 'peak committed, MiB'" > (dir "/vars.gp")
		write_caption("Whole programs: time against memory, lower left is best", \
			"the lower left corner is both fast and lean; where all libraries lie close together, the program does not depend on them.", \
			"Median time of the whole program, from start to end, against the most that it committed, under each malloc library. The line joins the libraries that no other beats in both. Lower is better on both axes.", "apps.csv")
		exit
	}
	print "y_title = " quoted(unit " per touched page") > (dir "/vars.gp")
	print "x_title = 'committed, MiB'" > (dir "/vars.gp")
	where = target == "vm" ? " (VM, instructions)" : ""
	write_caption("Cost against memory: lower left is best" where, \
		"the lower left corner is both fast and lean; what is off the line is beaten in both by a way on it.", \
		"Medians of allocating, touching and freeing together, in " unit " per touched page, against what the block committed at its fullest. The line joins the subjects that no other beats in both. Lower is better on both axes. Some vertical axes are logarithmic: see their tics.", "cells.csv")
}
