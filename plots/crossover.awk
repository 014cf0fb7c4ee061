# SPDX-License-Identifier: MIT
#
# crossover.csv as panels of total cost against the touched fraction, one per fill (and size): curve-i-j.tsv
# for subject j, rings-i.tsv (the crossings) and panel-i.gp. Crossings come from crossings.csv.
# Wants: dir, target, crossings (that file, tab-separated).

BEGIN { FS = "\t"; LABEL_PX = 19; PANEL_PX = 300; MAX_SENTENCES = 8 }

FNR == 1 { read_header(); next }

cell("target") != target || cell("subject") == "null" || cell("total_cost") + 0 <= 0 { next }

{
	key = cell("fill") SUBSEP cell("size_bytes") SUBSEP cell("threads")
	if (!(key in fill))
		groups[++n_groups] = key
	fill[key] = cell("fill")
	size[key] = cell("size_bytes")
	threads[key] = cell("threads")
	if (!(size[key] in size_seen)) {
		size_seen[size[key]] = 1
		n_sizes++
	}
	name = cell("subject")
	seen[name] = 1
	if (!((key, name) in points))
		subject[key, ++subjects[key]] = name
	n = ++points[key, name]
	pct[key, name, n] = cell("touched_pct") + 0
	value[key, name, n] = cell("total_cost") / 1e6
	low[key, name, n] = cell("total_cost_lo") / 1e6
	high[key, name, n] = cell("total_cost_hi") / 1e6
	unit = cell("cost_unit")
}

# Ascending by percent, as the lines are drawn.
function sort_points(key, name,   n, i, order, at, a, b, c, d) {
	n = points[key, name]
	split("", at)
	for (i = 1; i <= n; i++)
		at[i] = pct[key, name, i]
	sort_by(at, n, order)
	for (i = 1; i <= n; i++) {
		a[i] = pct[key, name, order[i]]; b[i] = value[key, name, order[i]]
		c[i] = low[key, name, order[i]]; d[i] = high[key, name, order[i]]
	}
	for (i = 1; i <= n; i++) {
		pct[key, name, i] = a[i]; value[key, name, i] = b[i]
		low[key, name, i] = c[i]; high[key, name, i] = d[i]
	}
}

# The subject's cost at a percent between two measured ones, or "".
function cost_at(key, name, percent,   i, n, share) {
	n = points[key, name]
	for (i = 2; i <= n; i++)
		if (pct[key, name, i - 1] <= percent && percent <= pct[key, name, i]) {
			share = (percent - pct[key, name, i - 1]) / (pct[key, name, i] - pct[key, name, i - 1])
			return value[key, name, i - 1] + share * (value[key, name, i] - value[key, name, i - 1])
		}
	return ""
}

# The crossings of this group: each eager subject against mmap, else against the first lazy one it crosses.
function read_crossings(key, file, p,   line, f, h, i, at, eager, lazy_of, pct_of, kind_of, cost, n, order_of, k) {
	n = 0
	while ((getline line < crossings) > 0) {
		split(line, f, "\t")
		if (!("target" in h)) {
			for (i in f)
				h[f[i]] = i
			continue
		}
		if (f[h["target"]] != target || f[h["fill"]] != fill[key] || f[h["size_bytes"]] != size[key] || f[h["threads"]] != threads[key])
			continue
		eager = f[h["eager"]]
		if (!(eager in lazy_of))
			order_of[++n] = eager
		else if (lazy_of[eager] == "mmap" || (f[h["lazy"]] != "mmap" && kind_of[eager] == "at"))
			continue
		lazy_of[eager] = f[h["lazy"]]
		kind_of[eager] = f[h["kind"]]
		pct_of[eager] = f[h["touched_pct"]]
	}
	close(crossings)
	sentences = rings = 0
	for (k = 1; k <= n; k++) {
		eager = order_of[k]
		if (kind_of[eager] != "at")
			continue
		at = pct_of[eager] + 0
		if (++sentences <= MAX_SENTENCES)
			print "set label " quoted("above " sprintf("%.0f", at) " % touched, " fit(eager) " is cheaper than " fit(lazy_of[eager])) " at screen 0.04, screen from_top(top + " 16 + 20 * sentences ") left font ',15' textcolor rgb INK" > file
		cost = cost_at(key, eager, at)
		if (cost != "") {
			print at "\t" cost > (dir "/rings-" p ".tsv")
			rings++
		}
	}
	if (sentences > MAX_SENTENCES)
		sentences = MAX_SENTENCES
	if (!sentences) {
		sentences = 1
		print "set label \"no crossing between the fractions measured\" at screen 0.04, screen from_top(top + 36) left font ',15' textcolor rgb INK" > file
	}
}

function write_panel(key, p,   n, i, j, last, file, y_low, y_high, end_low, logarithmic, px) {
	n = subjects[key]
	file = dir "/panel-" p ".gp"
	split("", labels); split("", x); split("", y)
	y_low = end_low = ""
	y_high = 0
	for (j = 1; j <= n; j++) {
		labels[j] = subject[key, j]
		sort_points(key, labels[j])
		last = points[key, labels[j]]
		for (i = 1; i <= last; i++) {
			if (y_low == "" || value[key, labels[j], i] < y_low) y_low = value[key, labels[j], i]
			if (value[key, labels[j], i] > y_high) y_high = value[key, labels[j], i]
		}
		if (end_low == "" || value[key, labels[j], last] < end_low) end_low = value[key, labels[j], last]
	}
	# A lazy subject's line starts near 0 anyway: what counts is how far apart the lines end.
	logarithmic = wants_log(end_low, y_high)
	y_low = logarithmic ? y_low / 1.4 : 0
	y_high *= logarithmic ? 1.4 : 1.08
	for (j = 1; j <= n; j++) {
		last = points[key, labels[j]]
		for (i = 1; i <= last; i++)
			print pct[key, labels[j], i] "\t" value[key, labels[j], i] "\t" low[key, labels[j], i] "\t" high[key, labels[j], i] > (dir "/curve-" p "-" j ".tsv")
		x[j] = pct[key, labels[j], last] / 104
		y[j] = on_axis(value[key, labels[j], last], y_low, y_high, logarithmic)
	}
	px = n * LABEL_PX > PANEL_PX ? n * LABEL_PX : PANEL_PX
	print "panel_title = " quoted("fraction" group_name("", fill[key], size[key], n_sizes > 1)) > file
	print "curves = " n > file
	print "array style[" n "]" > file
	for (j = 1; j <= n; j++)
		print "style[" j "] = " subject_index[labels[j]] > file
	print "y_low = " y_low > file
	print "y_high = " y_high > file
	print "logarithmic = " logarithmic > file
	print "y_tics = '" (logarithmic ? log_tics(y_low, y_high) : linear_tics(y_high)) "'" > file
	write_labels(file, n, labels, x, y, px, 1)
	read_crossings(key, file, p)
	print "rings = " rings > file
	print "panel_px = " px ".0" > file
	print "above = " 62 + 20 * sentences ".0" > file
	heights = heights " panel_height[" p "] = " px + 62 + 20 * sentences ".0;"
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
	print "unit = " quoted(unit == "ns" ? "ms" : "million " unit) > (dir "/vars.gp")
	where = target == "vm" ? " (VM, instructions)" : ""
	write_caption("Lazy or eager? Where the lines cross" where, \
		"a rising line is a lazy way, a flat one an eager way; right of where they cross, the eager one is the cheaper.", \
		"Allocating, touching the given share of the pages, and freeing, together; bars are " interval() ". A ring marks the crossing (against mmap where it was measured). Lower is better.", "crossover.csv, crossings.csv")
}
