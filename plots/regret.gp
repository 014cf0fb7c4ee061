# SPDX-License-Identifier: MIT
# chart: heat map of regret, subject by workload, in time or in memory (per target and fill)
width = 640
load plots."/theme.gp"

from_top(y) = 1 - y / height
unset border
unset tics
unset grid
set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
set xrange [0:1]
set yrange [0:1]
set label chart_title at screen 0.012, screen from_top(20) left font ",17" textcolor rgb INK
load dir."/map.gp"
plot NaN linecolor rgb INK
