# SPDX-License-Identifier: MIT
# chart: instructions against committed pages for each touched page (scripts/kernel-ahead-charts.sh)
width = 640
height = 1180
load plots."/theme.gp"
rows = "dense-up shuffled sparse-1pct chunks-1m dense-then-sparse"
subjects = "tamalloc single mmap populate thp-2m mthp-16k mthp-32k mthp-64k mthp-128k mthp-256k mthp-512k mthp-1m"
set multiplot
set label 901 "What a touched page costs, and commits" at screen 0.012, screen 0.985 left font ",17" textcolor rgb INK
set label 902 "instructions (up), pages committed (right); logarithmic" at screen 0.012, screen 0.967 left font ",14" textcolor rgb INK
set lmargin at screen 0.16
set rmargin at screen 0.70
set logscale xy
set xrange [0.9:150]
set xtics (1, 2, 4, 10, 30, 100) font ",14"
set ytics (500, 1000, 3000, 10000, 30000, "100000" 100000) font ",14"
do for [j = 1:words(subjects)] {
	set label j word(subjects, j) at screen 0.76, screen 0.94 - j * 0.022 left offset 1, -0.28 font ",14" textcolor rgb INK point pointtype point(j) pointsize 1.2 linecolor rgb colour(j)
}
do for [i = 1:words(rows)] {
	row = word(rows, i)
	top = 0.96 - (i - 1) * 0.187
	set tmargin at screen top - 0.035
	set bmargin at screen top - 0.152
	set yrange [(row eq "sparse-1pct" ? 2000 : 400):(row eq "sparse-1pct" ? 500000 : 60000)]
	set label 903 row at screen 0.012, screen top - 0.018 left font ",15" textcolor rgb INK
	plot for [j = 1:words(subjects)] sprintf("%s/table.tsv", dir) using ((strcol(1) eq row && strcol(2) eq word(subjects, j)) ? $4 : NaN):3 with points pointtype point(j) pointsize 1.2 linecolor rgb colour(j), \
		sprintf("%s/table.tsv", dir) using ((strcol(1) eq row && strcol(2) eq "tamalloc") ? $4 : NaN):3 with points pointtype 6 pointsize 2.4 linewidth 2 linecolor rgb colour(1)
	unset label
}
unset multiplot
