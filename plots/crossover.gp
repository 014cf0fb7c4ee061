# SPDX-License-Identifier: MIT
# chart: total cost against the touched fraction, with the crossings of lazy and eager (per target)
BELOW = 64.0
HEAD = 36.0
width = 640
total = 0.0
do for [i = 1:panels] { total = total + panel_height[i] + BELOW }
height = HEAD + total
load plots."/theme.gp"

from_top(y) = 1 - y / height
set multiplot
set label 901 chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
set lmargin at screen 0.125
set rmargin at screen 0.62
set xrange [0:104]
set xtics 0, 25
set format x "%.0f %%"
top = HEAD
do for [i = 1:panels] {
	load sprintf("%s/panel-%d.gp", dir, i)
	set tmargin at screen from_top(top + above)
	set bmargin at screen from_top(top + above + panel_px)
	unset logscale
	if (logarithmic) { set logscale y }
	set yrange [y_low : y_high]
	eval "set ytics ".y_tics
	set label 902 panel_title at screen 0.012, screen from_top(top + 14) left font ",16" textcolor rgb INK
	set label 903 unit.(logarithmic ? " (logarithmic), " : ", ")."lower is better" at screen 0.012, screen from_top(top + above - 16) left font ",14" textcolor rgb INK
	set label 904 "pages touched" at screen 0.62, screen from_top(top + above + panel_px + 50) right font ",14" textcolor rgb INK
	layers = ""
	do for [j = 1:curves] {
		curve = sprintf("'%s/curve-%d-%d.tsv' using 1:2", dir, i, j)
		s = style[j]
		layers = layers.sprintf(", %s:3:4 with yerrorbars pointtype 0 linewidth 0.8 linecolor rgb %d, %s with linespoints pointtype %d pointsize 0.9 dashtype '%s' linewidth 1.8 linecolor rgb %d", curve, colour(s), curve, point(s), dash(s), colour(s))
	}
	if (rings) { layers = layers.sprintf(", '%s/rings-%d.tsv' using 1:2 with points pointtype 6 pointsize 2.6 linewidth 2 linecolor rgb INK", dir, i) }
	eval "plot ".layers[3:]
	top = top + above + panel_px + BELOW
	unset label
	unset arrow
}
unset multiplot
