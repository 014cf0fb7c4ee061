# SPDX-License-Identifier: MIT
# chart: the size of each folio along the address space (scripts/kernel-ahead-charts.sh)
width = 640
height = 700
load plots."/theme.gp"
set multiplot
set label 901 "What each first touch made" at screen 0.012, screen 0.97 left font ",17" textcolor rgb INK
set label 902 "orange: mapped by a PMD" at screen 0.98, screen 0.97 right font ",14" textcolor rgb ORANGE
set xtics font ",14"
set lmargin at screen 0.13
set rmargin at screen 0.97
set xrange [0:32]
set yrange [3:3000]
set logscale y 2
set ytics ("4" 4, "16" 16, "64" 64, "256" 256, "1024" 1024, "2048" 2048) font ",12"
is_pmd(s) = s eq "pmd"
do for [i = 1:3] {
	p = word(patterns, i)
	set tmargin at screen 0.98 - (i - 1) * 0.305 - 0.08
	set bmargin at screen 0.98 - i * 0.305 + 0.025
	set label 903 p.", ".about(p).": folio, KiB (logarithmic)" at screen 0.012, screen 0.98 - (i - 1) * 0.305 - 0.055 left font ",14" textcolor rgb INK
	if (i == 3) { set label 904 "address, MiB" at screen 0.97, screen 0.012 right font ",14" textcolor rgb INK }
	plot sprintf("%s/folio-%s.tsv", dir, p) using 1:2:3:(0):(is_pmd(strcol(4)) ? 0xd55e00 : 0x0072b2) with vectors nohead linewidth 3 linecolor rgb variable, \
		"" using 1:2:(is_pmd(strcol(4)) ? 0xd55e00 : 0x0072b2) with points pointtype 5 pointsize 0.25 linecolor rgb variable
	unset label 903
}
unset multiplot
