# SPDX-License-Identifier: MIT
# chart: reserved and committed memory over time, one panel per subject (per run)
y_label = "MiB"
legend_dashed = "reserved"
legend_solid = "committed (lower is better)"
solid_column = 3
dashed_column = 2
load plots."/timeline.gpi"
