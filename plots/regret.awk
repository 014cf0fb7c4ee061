# SPDX-License-Identifier: MIT
#
# cells.csv as a heat map: subjects (rows, the best on the whole first) by workloads (columns, those in which
# most subjects were measured first, at most COLUMNS side by side, the rest below), in each field the regret
# and its shade. Writes map.gp.
# Wants: dir, target, fill, want (time or memory).

BEGIN { FS = "\t"; COLUMNS = 13; ROW_PX = 22; MOST_PX = 40; LETTER_PX = 8.2 }

FNR == 1 { read_header(); next }

# Curves and latencies have charts of their own; "null" is never ranked.
cell("target") != target || cell("fill") + 0 != fill || cell("subject") == "null" { next }
cell("workload") == "fraction" || cell("latency_p50") != "" || cell("reuse_cost_per_operation") != "" && cell("touched_bytes") + 0 == 0 { next }

{
	key = cell("workload") SUBSEP cell("params") SUBSEP cell("size_bytes") SUBSEP cell("threads")
	if (!(key in column)) {
		column[key] = ++n_columns
		title[n_columns] = cell("workload")
		threads[n_columns] = cell("threads") + 0
		size[n_columns] = cell("size_bytes") + 0
	}
	if (!(cell("subject") in row)) {
		row[cell("subject")] = ++n_rows
		name[n_rows] = cell("subject")
	}
	c = column[key]
	r = row[cell("subject")]
	if (cell("regret_time") == "") {
		regret[r, c] = ""
	} else if (want == "time") {
		regret[r, c] = cell("regret_time") + 0
	} else {
		regret[r, c] = cell("regret_memory") == "" ? "more" : cell("regret_memory") + 0
	}
	if (regret[r, c] != "") {
		ranked[r]++
		any[c]++
		sum[r] += regret[r, c] == "more" ? log(100) : log(regret[r, c] > 0 ? regret[r, c] : 1)
	}
}

function shade(x) {
	if (x == "more") return 5
	return x <= 1.005 ? 0 : x <= 1.2 ? 1 : x <= 1.5 ? 2 : x <= 3 ? 3 : x <= 10 ? 4 : 5
}

# At most three characters.
function figure(x) {
	if (x == "more") return "+"
	if (x < 9.95) return sprintf("%.1f", x)
	if (x < 999.5) return sprintf("%.0f", x)
	return x < 99500 ? sprintf("%.0fk", x / 1000) : ">99"
}

function rectangle(x1, y1, x2, y2, colour) {
	print "set object rectangle from screen " x1 / 640 ", screen from_top(" y1 ") to screen " x2 / 640 ", screen from_top(" y2 ") fillcolor rgb '" colour "' fillstyle solid border rgb '#ffffff'" > file
}

function text(what, x, y, how) {
	print "set label " quoted(what) " at screen " x / 640 ", screen from_top(" y ") " how " textcolor rgb INK" > file
}

function measured_in(r, first, last,   c) {
	for (c = first; c <= last; c++)
		if (regret[r, used[c]] != "")
			return 1
	return 0
}

# Columns first .. last of the map below y; returns where it ends.
function part(first, last, y,   c, r, i, x, wide, longest) {
	wide = (632 - LEFT) / side_by_side
	wide = wide < MOST_PX ? wide : MOST_PX
	for (c = first; c <= last; c++)
		longest = length(label[used[c]]) > longest ? length(label[used[c]]) : longest
	y += int(longest * LETTER_PX) + 18
	for (c = first; c <= last; c++)
		text(label[used[c]], LEFT + (c - first + 0.5) * wide, y - 6, "left rotate by 90 font ',14'")
	for (i = 1; i <= n_shown; i++) {
		r = shown[order[i]]
		if (!measured_in(r, first, last))
			continue
		text(fit(name[r]), LEFT - 8, y + ROW_PX / 2, "right font ',15'")
		for (c = first; c <= last; c++) {
			x = LEFT + (c - first) * wide
			if (regret[r, used[c]] == "")
				continue
			rectangle(x, y, x + wide, y + ROW_PX, colour[shade(regret[r, used[c]])])
			text(figure(regret[r, used[c]]), x + wide / 2, y + ROW_PX / 2, "center font ',14'")
		}
		y += ROW_PX
	}
	return y + 14
}

END {
	for (r = 1; r <= n_rows; r++)
		if (ranked[r]) {
			shown[++n_shown] = r
			mean[n_shown] = sum[r] / ranked[r]
			most_ranked = ranked[r] > most_ranked ? ranked[r] : most_ranked
		}
	for (c = 1; c <= n_columns; c++)
		fewer[c] = -any[c]
	sort_by(fewer, n_columns, by_subjects)
	for (i = 1; i <= n_columns; i++)
		if (any[c = by_subjects[i]]) {
			used[++n_used] = c
			if (size[used[1]] != size[c])
				many_sizes = 1
		}
	for (c = 1; c <= n_columns; c++)
		if (any[c]) {
			label[c] = title[c]
			if (threads[c] > 1)
				label[c] = label[c] " " threads[c] " thr."
			if (many_sizes)
				label[c] = label[c] " " bytes_text(size[c])
			if (length(label[c]) > 15)
				label[c] = substr(label[c], 1, 14) "\342\200\246"
		}
	if (n_shown < 2 || !n_used)
		exit
	for (i = 1; i <= n_shown; i++) # a mean over few workloads says little
		if (ranked[shown[i]] < most_ranked / 2)
			mean[i] += 1000
	sort_by(mean, n_shown, order)
	split("#8fc1dd #cfe3f0 #f4f1e6 #fbdcb4 #f5aa73 #e0743f", palette, " ")
	for (i = 0; i <= 5; i++)
		colour[i] = palette[i + 1]
	LEFT = 218
	file = dir "/map.gp"
	split("best|to 1.2|to 1.5|to 3|to 10|more", legend, "|")
	for (i = 0; i <= 5; i++) {
		rectangle(14 + 100 * i, 40, 14 + 100 * i + 22, 58, colour[i])
		text(legend[i + 1], 14 + 100 * i + 28, 49, "left font ',15'")
	}
	y = 62
	parts = int((n_used + COLUMNS - 1) / COLUMNS)
	side_by_side = int((n_used + parts - 1) / parts)
	for (first = 1; first <= n_used; first += side_by_side)
		y = part(first, first + side_by_side - 1 < n_used ? first + side_by_side - 1 : n_used, y)
	print "height = " y + 4 ".0" > (dir "/vars.gp")
	where = (target == "vm" ? " (VM, instructions)" : "") (fill + 0 ? ", fill " fill : "")
	if (want == "time")
		write_caption("Regret in time, by workload" where, \
			"a row that stays blue is a good choice everywhere; an orange field is where that way is a bad one.", \
			"Each subject's cost (allocating, touching and freeing together) divided by that of the best subject of the workload, inside each block; the median. 1.0 is the best. Rows in the order of the mean over the workloads, the best first, those measured in few of them last; a blank field was not measured. Lower is better.", "cells.csv")
	else
		write_caption("Regret in memory, by workload" where, \
			"a row that stays blue commits what is used; an orange field is where that way commits several times as much.", \
			"Each subject's committed memory per byte touched, divided by that of the leanest subject of the workload. 1.0 is the best; + commits memory where the leanest commits none. Rows in the order of the mean over the workloads (a + counts as 100), the best first, those measured in few of them last; a blank field was not measured. Lower is better.", "cells.csv")
}
