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
