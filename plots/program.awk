# SPDX-License-Identifier: MIT
#
# The timeline of one program (CSV of `tabench timeline`) as panels over one axis of time: committed.tsv,
# reserved.tsv, minor.tsv and major.tsv (time, value), marks.gp and vars.gp. The environment's TA_TITLE is
# the program's name. Wants: dir, exact (1: values hold until they change).

BEGIN {
	FS = ","
	PLOT_PX = 544 # a panel's width, as program.gp draws it
	CHAR_PX = 8.2 # of a mark's name, in 14 px
	SLOTS = 500
}

FNR == 1 { next }

{ end_ns = $7 > $1 ? $7 : $1; if (end_ns > span_ns) span_ns = end_ns }

$6 != "" { mark_ns[++marks] = $1; mark_name[marks] = $6; next }

$3 != "" { committed_ns[++committed] = $1; committed_at[committed] = $3 }

$2 != "" {
	reserved_ns[++rows] = $1
	reserved_at[rows] = $2
	if (rows == 1) { minor_first = $4; major_first = $5 }
	minor_at[rows] = $4
	major_at[rows] = $5
}

# The highest of a slot's values and the last: nothing that matters goes, whatever their number. Of a
# stretch that is level only the ends.
function write_values(file, ns, at, n, base, scale,   i, slot, high, kept, k) {
	for (i = 1; i <= n; i++) {
		if (i == 1 || at[i] > at[high])
			high = i
		slot = int(ns[i] / span_ns * SLOTS)
		if (i < n && int(ns[i + 1] / span_ns * SLOTS) == slot)
			continue
		if (high != i)
			keep[++kept] = high
		keep[++kept] = i
		high = i + 1
	}
	for (k = 1; k <= kept; k++)
		if (k == 1 || k == kept || at[keep[k]] != at[keep[k - 1]] || at[keep[k]] != at[keep[k + 1]])
			print ns[keep[k]] / time_scale "\t" (at[keep[k]] - base) / scale > file
	if (n)
		print span_ns / time_scale "\t" (at[n] - base) / scale > file
	close(file)
}

function highest(at, n,   i, most) {
	for (i = 1; i <= n; i++)
		if (at[i] > most)
			most = at[i]
	return most + 0
}

# A panel of bytes: the unit in which its highest value is 1 to 1023.
function bytes_panel(name, ns, at, n,   most, scale, unit, k) {
	split("B KiB MiB GiB TiB PiB", unit, " ")
	most = highest(at, n)
	for (scale = k = 1; most / scale >= 1024 && k < 6; k++)
		scale *= 1024
	write_values(dir "/" name ".tsv", ns, at, n, 0, scale)
	axis(name, most / scale, unit[k])
}

function faults_panel(name, at, base,   most, scale) {
	most = highest(at, rows) - base
	scale = most >= 20000 ? 1000 : 1
	write_values(dir "/" name ".tsv", reserved_ns, at, rows, base, scale)
	axis(name, most / scale, scale > 1 ? "thousands" : "faults")
}

function axis(name, most, unit) {
	if (most <= 0)
		most = 1
	print name "_unit = " quoted(unit) > (dir "/vars.gp")
	print name "_high = " most * 1.05 > (dir "/vars.gp")
	print name "_tics = '" linear_tics(most) "'" > (dir "/vars.gp")
}

# A line through all panels at each mark, named above the top one in the first of three rows with room.
function write_marks(   i, row, x, left, row_end, used, file) {
	file = dir "/marks.gp"
	printf "" > file
	for (i = 1; i <= marks; i++) {
		x = mark_ns[i] / span_ns * PLOT_PX
		left = x
		if (left + length(mark_name[i]) * CHAR_PX > PLOT_PX + 14)
			left = PLOT_PX + 14 - length(mark_name[i]) * CHAR_PX
		print "mark_at[" i "] = " mark_ns[i] / time_scale > file
		for (row = 0; row < 3; row++)
			if (!(row in row_end) || left >= row_end[row])
				break
		if (row == 3)
			continue
		row_end[row] = left + (length(mark_name[i]) + 1) * CHAR_PX
		if (row + 1 > used)
			used = row + 1
		print "set label " 200 + i " " quoted(mark_name[i]) " at screen 0.125 + " left / 640 ", screen from_top(top_px - " 10 + 16 * row ") left font ',14' textcolor rgb INK" > file
	}
	close(file)
	return used + 0
}

END {
	if (!rows || span_ns <= 0)
		exit
	if (span_ns < 10e9) { time_scale = 1e6; time_unit = "ms" }
	else if (span_ns < 1200e9) { time_scale = 1e9; time_unit = "s" }
	else if (span_ns < 36000e9) { time_scale = 60e9; time_unit = "minutes" }
	else { time_scale = 3600e9; time_unit = "hours" }
	bytes_panel("committed", committed_ns, committed_at, committed)
	bytes_panel("reserved", reserved_ns, reserved_at, rows)
	faults_panel("minor", minor_at, minor_first)
	has_major = highest(major_at, rows) > major_first
	if (has_major)
		faults_panel("major", major_at, major_first)
	title = ENVIRON["TA_TITLE"]
	gsub(/[^ -~]/, "?", title)
	if (length(title) > 56)
		title = substr(title, 1, 54) "\342\200\246"
	print "has_major = " has_major + 0 > (dir "/vars.gp")
	print "exact = " exact + 0 > (dir "/vars.gp")
	print "mark_rows = " write_marks() > (dir "/vars.gp")
	print "marks = " marks + 0 > (dir "/vars.gp")
	print "end_time = " span_ns / time_scale > (dir "/vars.gp")
	print "time_label = " quoted(time_unit) > (dir "/vars.gp")
	print "chart_title = " quoted(title) > (dir "/vars.gp")
	print title > (dir "/caption.txt")
}
