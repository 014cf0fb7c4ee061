# SPDX-License-Identifier: MIT
# The "# dark LIGHT DARK" lines of theme.gp as an SVG's <style>: whoever shows the file (a browser, also
# through <img>) picks the colours that its reader asked for; on paper they stay light.
# gnuplot writes a colour as rgb(R,G,B), the background as it was given: both forms are matched.

function value(digit) { return index("0123456789abcdef", digit) - 1 }

function rgb(hex,   i, text) {
	for (i = 2; i <= 6; i += 2)
		text = text (i > 2 ? "," : "") value(substr(hex, i, 1)) * 16 + value(substr(hex, i + 1, 1))
	return "rgb(" text ")"
}

function rules(light, dark,   i, name, text) {
	split("fill stroke color", name, " ")
	for (i = 1; i <= 3; i++)
		text = text sprintf("[%s=\"%s\"]{%s:%s}", name[i], light, name[i], dark)
	return text
}

/^# dark #/ { style = style rules(rgb($3), $4) ($3 == "#ffffff" ? rules($3, $4) : "") }

END { print "<style>@media screen and (prefers-color-scheme:dark){" style "}</style>" }
