# SPDX-License-Identifier: MIT
#
# What it costs to ask for every process's memory, against the number of processes: line-j.tsv (x, y) and
# panel.gp for latency.gp, from the rows "statistics" of samples.csv; medians over repetitions.
# Wants: dir, target.

BEGIN { FS = "\t"; LABEL_PX = 19 }

FNR == 1 { read_header(); next }

cell("kind") != "micro" || cell("workload") != "statistics" || cell("target") != target || cell("outcome") != "ok" { next }

{
	unit = cell("metric_cost_per_process_instructions") != "" ? "instructions" : "ns"
	name = cell("subject")
	key = name SUBSEP cell("param_processes")
	if (!(key in reps)) {
		number[name, ++points[name]] = cell("param_processes") + 0
		seen[name] = 1
	}
	value[key, ++reps[key]] = cell("metric_cost_per_process_" unit) * cell("param_processes")
}

# The middle of the repetitions of key, in thousands (us, thousand instructions).
function median(key,   i, v, order, n) {
	n = reps[key]
	for (i = 1; i <= n; i++)
		v[i] = value[key, i]
	sort_by(v, n, order)
	return (v[order[int((n + 1) / 2)]] + v[order[int(n / 2) + 1]]) / 2e3
}

END {
	count = number_subjects(seen)
	if (!count)
		exit
	for (name in seen)
		for (i = 1; i <= points[name]; i++) {
			x = log10(number[name, i])
			y = median(name SUBSEP number[name, i])
			j = subject_index[name]
			labels[j] = name
			end_y[j] = y
			end_x[j] = x
			print x "\t" y > (dir "/line-" j ".tsv")
			at[number[name, i]] = x
			if (low == "" || y < low) low = y
			if (high == "" || y > high) high = y
			if (x_low == "" || x < x_low) x_low = x
			if (x_high == "" || x > x_high) x_high = x
		}
	if (x_high <= x_low)
		exit
	low /= 1.4
	high *= 1.4
	margin = (x_high - x_low) * 0.06
	for (j = 1; j <= count; j++) {
		end_x[j] = (end_x[j] - x_low + margin) / (x_high - x_low + 2 * margin)
		end_y[j] = on_axis(end_y[j], low, high, 1)
	}
	for (n in at)
		x_tics = x_tics (x_tics ? ", " : "") quoted(thousands(n)) " " at[n]
	px = 320
	write_labels(dir "/panel.gp", count, labels, end_x, end_y, px, 1)
	print "panel_px = " px ".0" > (dir "/vars.gp")
	print "lines = " count > (dir "/vars.gp")
	print "marks = 1" > (dir "/vars.gp")
	print "x_low = " x_low - margin > (dir "/vars.gp")
	print "x_high = " x_high + margin > (dir "/vars.gp")
	print "y_low = " low > (dir "/vars.gp")
	print "y_high = " high > (dir "/vars.gp")
	print "logarithmic = 1" > (dir "/vars.gp")
	print "x_tics = '(" x_tics ")'" > (dir "/vars.gp")
	print "y_tics = '" log_tics(low, high) "'" > (dir "/vars.gp")
	print "unit = " quoted(target == "vm" ? "thousand instructions" : "microseconds") > (dir "/vars.gp")
	print "x_title = 'processes (logarithmic)'" > (dir "/vars.gp")
	write_caption("Asking for every process's memory" (target == "vm" ? " (VM, instructions)" : ""), \
		"the lower a line, the cheaper that way of asking; all rise with the number of processes.", \
		"Cost of one whole listing: memory and OOM score of every process, by the system call, from /proc with files that stay open or not, through libproc2, and by whole programs; medians over the repetitions. Lower is better.", "samples.csv, rows of workload statistics")
}
