# SPDX-License-Identifier: MIT
# The one look of all charts. Set before: out (file), width, height (pixels of the SVG's viewBox; a page
# scales it). Lines differ by colour (Okabe and Ito's palette), dash and point, so colour is never alone.
set terminal svg size width, height dynamic font "sans-serif,16" noenhanced background "#ffffff" linewidth 1
set output out
set encoding utf8
set datafile separator tab
set datafile missing ""

INK = "#1b1f24"; FAINT = "#8b949e"; MUTED = "#57606a"; GRID = "#d8dee4"; BAND = "#eef1f4"
BLUE = "#0072b2"; ORANGE = "#d55e00"

set border 3 linewidth 1 linecolor rgb INK
set tics nomirror out scale 0.6 textcolor rgb INK
set grid xtics ytics linecolor rgb GRID linewidth 1 dashtype 1
set key off
set style fill solid 1.0 noborder
set bars small

array COLOURS[8] = [0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0x1b1f24, 0xe69f00, 0x56b4e9, 0x6e7781]
array POINTS[7] = [7, 5, 9, 11, 13, 6, 4]
array DASHES[5] = ["", "-", ".", "-.", "_"]
colour(i) = COLOURS[int(i - 1) % 8 + 1]
point(i) = POINTS[int(i - 1) % 7 + 1]
dash(i) = DASHES[int(i - 1) % 5 + 1]

# What a colour becomes on a dark page: each chart carries these as a style of its own (plots/dark.awk).
# dark #ffffff #14181c  the page
# dark #1b1f24 #e4e8ec  INK
# dark #57606a #a3adb8  MUTED
# dark #8b949e #7d8792  FAINT
# dark #d8dee4 #333b44  GRID
# dark #eef1f4 #20272e  BAND
# dark #0072b2 #4aa3e0  BLUE
# dark #d55e00 #ff8f4a  ORANGE
# dark #009e73 #2ec49a
# dark #cc79a7 #e39bc4
# dark #e69f00 #f2bb3f
# dark #56b4e9 #9ad4f7
# dark #6e7781 #98a2ad
# dark #cfe3f1 #17384f  the area below a line
# dark #8fc1dd #1d5f86  the steps of regret.awk, the best first
# dark #cfe3f0 #1f4257
# dark #f4f1e6 #2f3237
# dark #fbdcb4 #4a3a20
# dark #f5aa73 #74431f
# dark #e0743f #a34a1c
