# SPDX-License-Identifier: MIT
# chart: minor and major page faults over time, one panel per subject (per run)
y_label = "faults"
legend_dashed = "major faults"
legend_solid = "minor faults (lower is better)"
solid_column = 4
dashed_column = 5
load plots."/timeline.gpi"
