# SPDX-License-Identifier: MIT
#
# The timelines of a run (index, then each subject's rows) as panels: per panel i, panel-i.tsv (ms,
# reserved MiB, committed MiB, minor and major faults since "reserve") and panel-i.gp (title and marks).
# Wants: dir, run (the directory of the timelines), want ("memory" or "faults"), target ("host" or "vm");
# only (with blanks around each; "" is all): the subjects of the report's first chart.

BEGIN {
	FS = "\t"
	MIB = 1048576
	LABEL_PX = 52
	PLOT_PX = 544 # a panel's width and height, as timeline.gpi draws it
	PANEL_PX = 150
}

FNR == 1 { read_header(); next }

cell("mode") == "sampled" && cell("csv") != "" && (only == "" || index(only, " " cell("subject") " ")) {
	if (read_timeline(cell("subject"), run "/" cell("csv")))
		write_panel(cell("subject"))
}

# Rows into t, reserved, ...[1..rows], marks into mark_ms, mark_name[1..marks], all from "reserve" on.
function read_timeline(subject, path,   line, f, zero, i, minor0, major0, kept) {
	rows = marks = 0
	zero = ""
	while ((getline line < path) > 0) {
		split(line, f, ",")
		if (f[1] !~ /^[0-9]+$/)
			continue
		if (f[6] != "") {
			if (f[6] == "reserve")
				zero = f[1]
			mark_ms[++marks] = f[1]
			mark_name[marks] = f[6]
		} else if (f[3] != "") {
			t[++rows] = f[1]
			reserved[rows] = f[2] / MIB
			committed[rows] = f[3] / MIB
			minor[rows] = f[4]
			major[rows] = f[5]
		}
	}
	close(path)
	if (rows == 0)
		return 0
	if (zero == "") # a program without marks
		zero = t[1]
	minor0 = minor[1]
	major0 = major[1]
	for (i = 1; i <= rows && t[i] <= zero; i++) {
		minor0 = minor[i]
		major0 = major[i]
	}
	end_ms = (t[rows] - zero) / 1e6
	for (i = 1; i <= marks; i++) {
		mark_ms[i] = (mark_ms[i] - zero) / 1e6
		if (mark_name[i] == "end")
			end_ms = mark_ms[i]
	}
	for (i = 1; i <= rows; i++) {
		t[i] = (t[i] - zero) / 1e6
		minor[i] = minor[i] > minor0 ? minor[i] - minor0 : 0
		major[i] = major[i] > major0 ? major[i] - major0 : 0
	}
	if (end_ms <= 0)
		end_ms = 1
	return 1
}

# The last value before the mark, or "".
function value_before(value, ms,   i, v) {
	v = ""
	for (i = 1; i <= rows && t[i] < ms; i++)
		v = value[i]
	return v
}

function find_mark(name,   i) {
	for (i = 1; i <= marks; i++)
		if (mark_name[i] == name)
			return mark_ms[i]
	return ""
}

# At most two rows in each 1/500 of the span, and none between two that say the same.
function write_rows(file,   i, slot, last_slot, previous, text) {
	last_slot = -1
	for (i = 1; i <= rows; i++) {
		if (t[i] < 0 && i < rows && t[i + 1] > 0)
			t[i] = 0 # what held when it began
		if (t[i] < 0 || t[i] > end_ms)
			continue
		slot = int(t[i] / end_ms * 500)
		if (slot == last_slot && i < rows && int(t[i + 1] / end_ms * 500) == slot)
			continue
		text = reserved[i] "\t" committed[i] "\t" minor[i] "\t" major[i]
		if (text == previous && i < rows && t[i + 1] <= end_ms && slot == last_slot + 1 &&
		    text == reserved[i + 1] "\t" committed[i + 1] "\t" minor[i + 1] "\t" major[i + 1]) {
			last_slot = slot
			continue
		}
		print t[i] "\t" text > file
		last_slot = slot
		previous = text
		if (reserved[i] > highest_mib) highest_mib = reserved[i]
		if (minor[i] > most_faults) most_faults = minor[i]
		if (major[i] > most_faults) most_faults = major[i]
	}
	close(file)
}

# A line at each step, named above the panel in the lowest of three rows that has room.
function write_marks(file,   i, row, x, name) {
	split("", row_end)
	for (i = 1; i <= marks; i++) {
		name = mark_name[i]
		if (name == "wait" || name == "end")
			continue
		if (sub(/^touch-/, "", name))
			name = name " %"
		x = mark_ms[i] / end_ms * PLOT_PX
		print "set arrow from " mark_ms[i] ", graph 0 to " mark_ms[i] ", graph 1 nohead linecolor rgb FAINT dashtype '.' linewidth 1.2 front" > file
		for (row = 0; row < 3; row++)
			if (!(row in row_end) || x >= row_end[row])
				break
		if (row == 3)
			continue
		row_end[row] = x + LABEL_PX + (length(name) > 5 ? 12 : 0)
		print "set label " quoted(name) " at " mark_ms[i] ", graph " 1 + (10 + 16 * row) / PANEL_PX " left font ',14' textcolor rgb INK" > file
		if (row > most_rows) most_rows = row
	}
}

function write_panel(subject,   file, lazy_at, full_at, title, free_ms, first_touch) {
	panels++
	write_rows(dir "/panel-" panels ".tsv")
	file = dir "/panel-" panels ".gp"
	first_touch = find_mark("touch-25")
	free_ms = find_mark("free")
	if (want == "memory") {
		lazy_at = first_touch == "" ? "" : value_before(committed, first_touch)
		full_at = free_ms == "" ? "" : value_before(committed, free_ms)
		title = fit(subject) (lazy_at == "" || full_at == "" ? "" : ": " short(lazy_at) " MiB before first touch, " short(full_at) " after last")
	} else {
		lazy_at = first_touch == "" ? "" : value_before(minor, first_touch)
		full_at = free_ms == "" ? "" : value_before(minor, free_ms)
		title = fit(subject) (lazy_at == "" || full_at == "" ? "" : ": " thousands(lazy_at) (lazy_at == 1 ? " fault" : " faults") " before first touch, " thousands(full_at - lazy_at) " after it")
	}
	print "panel_title = " quoted(title) > file
	print "end_ms = " end_ms > file
	write_marks(file)
	close(file)
}

END {
	if (!panels)
		exit
	where = target == "vm" ? " (VM)" : ""
	clock = target == "vm" ? "millisecond of guest time (a million instructions)" : "millisecond"
	print "panels = " panels > (dir "/vars.gp")
	print "time_label = '" (target == "vm" ? "million instructions" : "ms") " since reserving began; each panel has its own scale'" > (dir "/vars.gp")
	print "mark_rows = " most_rows + 1 > (dir "/vars.gp")
	y_max = want == "memory" ? highest_mib : most_faults + 1
	print "y_max = " y_max * 1.03 > (dir "/vars.gp")
	print "y_tics = '" linear_tics(y_max) "'" > (dir "/vars.gp")
	if (only != "")
		write_caption("Reserved is not committed" where, \
			"the dashed line is what the program reserved, the filled one what it really committed, and so what others cannot have. Eager ways own all of it before the first use; lazy ways grow with the 25, 50, 75 and 100 % that the program touches at the dotted lines.", \
			"Resident memory of a whole process, sampled from outside each " clock ". Committed: lower is better.", "timeline" (target == "vm" ? "-vm" : "") "/*.csv")
	else if (want == "memory")
		write_caption("Reserved is not committed: memory over time" where, \
			"the area between the lines is memory that was asked for and not needed yet.", \
			"Address space (dashed) and resident set (solid, filled) of the whole worker process, sampled from outside each " clock "; with what a driver holds beyond it. Dotted lines: where it reserves, touches up to 25, 50, 75 and 100 % of the block, and frees it. Between the steps it waits. Committed: lower is better.", "timeline" (target == "vm" ? "-vm" : "") "/*.csv")
	else
		write_caption("Who pays when: page faults over time" where, \
			"an eager way takes its faults, or none, while it reserves; a lazy one as it is touched; larger pages take fewer.", \
			"Minor (solid, filled) and major (dashed) faults of the whole worker process since it began to reserve, sampled from outside each " clock ". Dotted lines: where it reserves, touches up to 25, 50, 75 and 100 % of the block, and frees it. Lower is better.", "timeline" (target == "vm" ? "-vm" : "") "/*.csv")
}
