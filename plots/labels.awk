# SPDX-License-Identifier: MIT
# What charts share that name their points in a column at the right of the panel. The gnuplot side has
# colour(i), point(i), dash(i) of a subject's index i.

# Subjects numbered by name, so that one looks the same in all panels. Fills subject_index[].
function number_subjects(seen,   n, name, names, i, j, k) {
	for (name in seen) {
		for (j = ++n; j > 1 && names[j - 1] > name; j--)
			names[j] = names[j - 1]
		names[j] = name
	}
	for (i = 1; i <= n; i++)
		subject_index[names[i]] = i
	return n
}

# One label per point 1..n at x[], y[] (0..1 in the panel), led to by a thin line, none over another.
# LABEL_PX high each in a panel of panel_px; dashed: the leader continues the subject's own line.
function write_labels(file, n, names, x, y, panel_px, dashed,   place, i, s, leader) {
	split("", place)
	spread(y, n, LABEL_PX / panel_px, place)
	for (i = 1; i <= n; i++) {
		s = subject_index[names[i]]
		leader = dashed ? "linecolor rgb colour(" s ") dashtype dash(" s ") linewidth 1" : "linecolor rgb FAINT linewidth 0.7"
		print "set arrow from graph " x[i] ", graph " y[i] " to graph 1.045, graph " place[i] " nohead " leader " back" > file
		print "set label '' at graph 1.06, graph " place[i] " point pointtype point(" s ") pointsize 0.9 linecolor rgb colour(" s ")" > file
		print "set label " quoted(fit(names[i])) " at graph 1.085, graph " place[i] " left font ',14' textcolor rgb INK" > file
	}
}
