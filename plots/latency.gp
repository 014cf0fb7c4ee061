# SPDX-License-Identifier: MIT
# chart: latency of single operations: first touches by rank, allocations and small blocks by size (per target)
HEAD = 66.0
FOOT = 66.0
width = 640
height = HEAD + panel_px + FOOT
load plots."/theme.gp"

from_top(y) = 1 - y / height
set label 901 chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
set label 902 unit.(logarithmic ? " (logarithmic), " : ", ")."lower is better" at screen 0.012, screen from_top(HEAD - 18) left font ",14" textcolor rgb INK
set label 903 x_title at screen 0.62, screen 14 / height right font ",14" textcolor rgb INK
set lmargin at screen 0.125
set rmargin at screen 0.62
set tmargin at screen from_top(HEAD)
set bmargin at screen FOOT / height
set xrange [x_low : x_high]
set yrange [y_low : y_high]
if (logarithmic) { set logscale y }
eval "set xtics ".x_tics
eval "set ytics ".y_tics
load dir."/panel.gp"

layers = ""
do for [j = 1:lines] {
	how = marks ? sprintf("linespoints pointtype %d pointsize 0.9", point(j)) : "lines"
	layers = layers.sprintf(", '%s/line-%d.tsv' using 1:2 with %s dashtype '%s' linewidth 1.8 linecolor rgb %d", dir, j, how, dash(j), colour(j))
}
eval "plot ".layers[3:]
