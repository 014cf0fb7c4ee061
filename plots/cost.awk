# SPDX-License-Identifier: MIT
#
# cells.csv as rows of a dot chart: per workload (and fill, and size where there are several) a headline,
# then its subjects, fastest first; what could not run and the reference "null" come last. Writes total.tsv
# (y, cost, low, high), null.tsv (the same), touch.tsv (y, cost) and rows.gp (names, headlines).
# Wants: dir, target.

BEGIN { FS = "\t" }

FNR == 1 { read_header(); next }

# The crossover chart shows "fraction"; a reference or subject measured at several parameters is shown once.
cell("target") != target || cell("workload") == "fraction" || cell("latency_p50") != "" { next }

{
	key = cell("workload") SUBSEP cell("fill") SUBSEP cell("size_bytes") SUBSEP cell("threads")
	if (!(key in members))
		groups[++n_groups] = key
	workload[key] = cell("workload")
	fill[key] = cell("fill")
	size[key] = cell("size_bytes")
	threads[key] = cell("threads")
	i = ++members[key]
	name[key, i] = cell("subject")
	ok = cell("outcome") == "ok" && cell("total_cost_per_page") + 0 > 0
	total[key, i] = ok ? cell("total_cost_per_page") + 0 : ""
	low[key, i] = cell("total_cost_per_page_lo")
	high[key, i] = cell("total_cost_per_page_hi")
	touch[key, i] = cell("touch_cost_per_page")
	if (ok) {
		unit = cell("cost_unit")
		n_ok++
		ok_members[key]++
		runs_here[cell("subject")] = 1
		if (!(size[key] in size_seen)) {
			size_seen[size[key]] = 1
			n_sizes++
		}
		note(total[key, i])
		note(low[key, i])
		note(high[key, i])
		note(touch[key, i])
	}
	outcome[key, i] = cell("outcome")
}

function note(value) {
	if (value == "" || value + 0 <= 0)
		return
	if (least == "" || value + 0 < least) least = value + 0
	if (value + 0 > most) most = value + 0
}

function row(key, i, y,   file) {
	print "set label " quoted(fit(name[key, i])) " at graph -0.02, first " y " right font ',15' textcolor rgb INK" > (dir "/rows.gp")
	if (total[key, i] == "") {
		print "set label " quoted(outcome[key, i] == "ok" ? "not measured" : outcome[key, i]) " at graph 0.02, first " y " left font ',14' textcolor rgb MUTED" > (dir "/rows.gp")
		return
	}
	print "set label " quoted(short(total[key, i])) " at graph 1.22, first " y " right font ',15' textcolor rgb INK" > (dir "/rows.gp")
	file = dir (name[key, i] == "null" ? "/null.tsv" : "/total.tsv")
	print y "\t" total[key, i] "\t" low[key, i] "\t" high[key, i] > file
	n_null += name[key, i] == "null"
	n_total += name[key, i] != "null"
	n_touch += touch[key, i] + 0 > 0 && name[key, i] != "null"
	if (touch[key, i] + 0 > 0 && name[key, i] != "null")
		print y "\t" touch[key, i] > (dir "/touch.tsv")
}

END {
	if (!n_ok)
		exit
	for (g = 1; g <= n_groups; g++) {
		key = groups[g]
		if (!ok_members[key]) # of what has charts of its own, only what could not run is here
			continue
		y -= y ? 1.7 : 1
		print "set object rectangle from graph -0.655, first " y - 0.5 " to graph 1.25, first " y + 0.5 " behind noclip fillcolor rgb BAND fillstyle solid noborder" > (dir "/rows.gp")
		print "set label " quoted(group_name(workload[key], fill[key], size[key], n_sizes > 1, threads[key])) " at graph -0.64, first " y " left font ',16' textcolor rgb INK" > (dir "/rows.gp")
		for (i = 1; i <= members[key]; i++) {
			rank[i] = total[key, i] == "" ? (runs_here[name[key, i]] ? 1e300 : 1e301) : total[key, i]
			if (name[key, i] == "null")
				rank[i] = 1e299
		}
		sort_by(rank, members[key], order)
		# A subject that runs nowhere on this target is named once in the report, not in each group here.
		for (i = 1; i <= members[key]; i++)
			if (runs_here[name[key, order[i]]])
				row(key, order[i], --y)
	}
	# No decade is cut short of its tic; a linear axis starts at 0.
	logarithmic = wants_log(least, most)
	print "rows = " (0 - y) > (dir "/vars.gp")
	print "n_null = " n_null + 0 > (dir "/vars.gp")
	print "n_total = " n_total + 0 > (dir "/vars.gp")
	print "n_touch = " n_touch + 0 > (dir "/vars.gp")
	print "logarithmic = " logarithmic > (dir "/vars.gp")
	print "x_low = " (logarithmic ? least / 1.3 : 0) > (dir "/vars.gp")
	print "x_high = " (logarithmic ? most * 1.3 : most * 1.06) > (dir "/vars.gp")
	if (logarithmic)
		print "x_tics = '" log_tics(least / 1.3, most * 1.3) "'" > (dir "/vars.gp")
	else
		print "x_tics = '" linear_tics(most) "'" > (dir "/vars.gp")
	print "unit = " quoted(unit) > (dir "/vars.gp")
	where = target == "vm" ? " (VM, instructions)" : ""
	write_caption("What a touched page costs, by workload" where, \
		"a blue dot further left is cheaper, and where the orange diamond is far left of it, allocating or freeing takes the time, not the touch.", \
		"Blue dot: allocating, touching and freeing together, per touched page of 4 KiB or the machine's page size; the bar is " interval() ". Orange diamond: the touching alone. Figures at the right: the whole, in " unit ". null (grey) is memory that was there before: the cost of the loop alone. Lower is better.", "cells.csv")
}
