# SPDX-License-Identifier: MIT
# chart: committed and reserved memory and page faults of one program over time (tabench timeline --svg)
TALL = 190.0
LOW = 96.0
BETWEEN = 34.0
top_px = 78.0 + 16 * mark_rows
width = 640
height = top_px + TALL + (2 + has_major) * (LOW + BETWEEN) + 64
load plots."/theme.gp"

from_top(y) = 1 - y / height
set multiplot
set label 1 chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
set label 2 time_label at screen 0.55, screen 11.0 / height center font ",15" textcolor rgb INK
set lmargin at screen 0.125
set rmargin at screen 0.975
set xrange [0 : end_time]
array mark_at[marks + 1]
load dir."/marks.gp"

panels = "committed reserved minor".(has_major ? " major" : "")
names = "'committed: resident sets, lower is better' 'reserved: address space' 'minor page faults so far' 'major page faults so far'"
top = top_px
do for [i = 1:words(panels)] {
	name = word(panels, i)
	px = i == 1 ? TALL : LOW
	set format x i == words(panels) ? "%g" : ""
	set tmargin at screen from_top(top)
	set bmargin at screen from_top(top + px)
	eval sprintf("set yrange [0 : %s_high]", name)
	eval "eval 'set ytics '.".name."_tics"
	eval sprintf("unit = %s_unit", name)
	title_px = i == 1 ? 44.0 : top - 12
	set label 101 word(names, i).", ".unit at screen 0.012, screen from_top(title_px) left font ",15" textcolor rgb INK
	do for [k = 1:marks] {
		set arrow 300 + k from mark_at[k], graph 0 to mark_at[k], graph 1 nohead linecolor rgb FAINT dashtype '.' linewidth 1.2 front
	}
	data = sprintf("%s/%s.tsv", dir, name)
	style = exact && i == 1 ? "steps" : "lines"
	fill = exact && i == 1 ? "fillsteps" : "filledcurves y=0"
	eval "plot data using 1:2 with ".fill." fillcolor rgb '#cfe3f1', data using 1:2 with ".style." linecolor rgb ".(i == 2 ? "ORANGE" : "BLUE")." linewidth 2"
	unset label
	unset arrow
	top = top + px + BETWEEN
}
unset multiplot
