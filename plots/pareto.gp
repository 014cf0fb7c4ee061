# SPDX-License-Identifier: MIT
# chart: time against committed memory, one panel per workload (per target) or whole program
ABOVE = 50.0
BELOW = 60.0
HEAD = 62.0
width = 640
total = 0.0
do for [i = 1:panels] { total = total + panel_height[i] + ABOVE + BELOW }
height = HEAD + total
load plots."/theme.gp"

from_top(y) = 1 - y / height
set multiplot
set label 901 chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
legend_y = from_top(46)
set arrow 901 from screen 0.02, screen legend_y to screen 0.08, screen legend_y nohead linecolor rgb FAINT linewidth 3
set label 902 "no other subject is both faster and leaner" at screen 0.09, screen legend_y left font ",15" textcolor rgb INK

set lmargin at screen 0.155
set rmargin at screen 0.63
top = HEAD
do for [i = 1:panels] {
	load sprintf("%s/panel-%d.gp", dir, i)
	set tmargin at screen from_top(top + ABOVE)
	set bmargin at screen from_top(top + ABOVE + panel_px)
	unset logscale
	if (logarithmic) { set logscale y }
	set xrange [0 : x_high]
	set yrange [y_low : y_high]
	eval "set xtics ".x_tics
	eval "set ytics ".y_tics
	set label 903 panel_title at screen 0.012, screen from_top(top + 14) left font ",16" textcolor rgb INK
	set label 904 y_title.(logarithmic ? " (logarithmic)" : "") at screen 0.012, screen from_top(top + 36) left font ",14" textcolor rgb INK
	set label 905 x_title at screen 0.63, screen from_top(top + ABOVE + panel_px + 46) right font ",14" textcolor rgb INK
	plot sprintf("%s/front-%d.tsv", dir, i) using 1:2 with lines linecolor rgb FAINT linewidth 3, \
		sprintf("%s/panel-%d.tsv", dir, i) using 1:2:(point($3)):(colour($3)) with points pointtype variable linecolor rgb variable pointsize 1.1
	top = top + ABOVE + panel_px + BELOW
	unset label
	unset arrow
}
unset multiplot
