# SPDX-License-Identifier: MIT
# chart: committed against touched memory while touches go on (scripts/kernel-ahead-charts.sh)
width = 640
height = 900
load plots."/theme.gp"
set multiplot
set label 901 "Committed memory while a program touches it" at screen 0.012, screen 0.98 left font ",17" textcolor rgb INK
set lmargin at screen 0.11
set rmargin at screen 0.97
set tics font ",14"
set xtics offset 0, 0.3
do for [i = 1:3] {
	p = word(patterns, i)
	top = 0.96 - (i - 1) * 0.31
	set tmargin at screen top - 0.045
	set bmargin at screen top - 0.245
	set label 903 p.", ".about(p).": committed, MiB" at screen 0.012, screen top - 0.015 left font ",15" textcolor rgb INK
	set label 904 "touched, MiB" at screen 0.97, screen top - 0.292 right font ",14" textcolor rgb INK
	of(s) = sprintf("%s/committed-%s-%s.tsv", dir, p, s)
	stats of("tamalloc") using 1 nooutput
	set xrange [0:STATS_max]
	set yrange [0:*]
	if (i == 1) { set key bottom right font ",14" } else { set key off }
	plot of("thp-2m") using 1:2 with lines linewidth 2 dashtype "-" linecolor rgb ORANGE title "mmap, THP 2 MiB", \
		of("tamalloc") using 1:2 with lines linewidth 2 linecolor rgb BLUE title "tamalloc", \
		x with lines linecolor rgb FAINT linewidth 2 title "what is touched"
	unset label 903
	unset label 904
	unset label 901
}
unset multiplot
