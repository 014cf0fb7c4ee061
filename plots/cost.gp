# SPDX-License-Identifier: MIT
# chart: cost per touched page by workload, with intervals (per target)
ROW = 22.0
HEAD = 92.0
FOOT = 60.0
width = 640
height = HEAD + FOOT + (rows + 0.5) * ROW
load plots."/theme.gp"

from_top(y) = 1 - y / height
set lmargin at screen 0.345
set rmargin at screen 0.86
set tmargin at screen from_top(HEAD)
set bmargin at screen FOOT / height

set label chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
legend_y = from_top(52)
set arrow from screen 0.02, screen legend_y to screen 0.08, screen legend_y nohead linecolor rgb BLUE linewidth 2
set label "" at screen 0.05, screen legend_y point pointtype 7 pointsize 1 linecolor rgb BLUE
set label "alloc + touch + free, with interval" at screen 0.09, screen legend_y left textcolor rgb INK
set label "" at screen 0.62, screen legend_y point pointtype 12 pointsize 1.2 linecolor rgb ORANGE linewidth 1.5
set label "touch alone" at screen 0.64, screen legend_y left textcolor rgb INK
set label unit at screen 0.975, screen from_top(78) right font ",15" textcolor rgb INK

set yrange [-rows - 0.5 : 0]
set xrange [x_low : x_high]
if (logarithmic) set logscale x
unset ytics
set border 1
set grid noytics
eval "set xtics ".x_tics
set label unit." per touched page".(logarithmic ? " (logarithmic)" : "").", lower is better" at screen 0.5, screen 14 / height center font ",15" textcolor rgb INK
load dir."/rows.gp"

# One layer for each kind of row that there is.
dots(file, colour) = sprintf("dir.'/%s' using 2:1:3:4 with xerrorbars pointtype 7 pointsize 0.9 linecolor rgb %s linewidth 1.8", file, colour)
layers = n_null ? ", ".dots("null.tsv", "FAINT") : ""
if (n_total) layers = layers.", ".dots("total.tsv", "BLUE")
if (n_touch) layers = layers.", dir.'/touch.tsv' using 2:1 with points pointtype 12 pointsize 1.1 linecolor rgb ORANGE linewidth 1.5"
eval "plot ".layers[3:]
