# SPDX-License-Identifier: MIT
# chart: committed against touched memory while touches go on (scripts/kernel-ahead-charts.sh)
width = 640
height = 460
load plots."/theme.gp"
set label 901 "Committed memory while a program touches it" at screen 0.012, screen 0.96 left font ",17" textcolor rgb INK
set label 902 "committed, MiB; the grey line: what is touched" at screen 0.012, screen 0.90 left font ",14" textcolor rgb INK
set lmargin at screen 0.11
set rmargin at screen 0.97
set tmargin at screen 0.86
set bmargin at screen 0.19
set xlabel "touched, MiB" font ",14"
set xrange [0:32]
set yrange [0:36]
set tics font ",14"
set key top left font ",14"
plot x with lines linecolor rgb FAINT linewidth 3 notitle, \
	for [i = 1:3] sprintf("%s/committed-%s.tsv", dir, word(patterns, i)) using 1:2 with lines linewidth 2 dashtype dash(i) linecolor rgb colour(i) title word(patterns, i)
