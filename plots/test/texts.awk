# SPDX-License-Identifier: MIT
# Prints what is wrong with the texts of a gnuplot SVG: one that leaves the picture, two that overlap.
# Widths are estimated (0.58 em a character), which is a little more than a common sans-serif needs.

/viewBox=/ {
	split($0, box, /["]/)
	split(box[2], v, " ")
}

/transform="translate\(/ {
	match($0, /translate\([-0-9.,]+\)/)
	split(substr($0, RSTART + 10, RLENGTH - 11), at, ",")
	match($0, /font-size="[0-9.]+"/)
	size = substr($0, RSTART + 11, RLENGTH - 12) + 0
	upright = $0 ~ /rotate\((270|-90)/
	anchor = $0 ~ /text-anchor="end"/ ? 1 : $0 ~ /text-anchor="middle"/ ? 0.5 : 0
}

/<text>/ {
	text = $0
	gsub(/.*<text>|<\/text>.*/, "", text)
	gsub(/&[a-z]+;/, "&", text)
	gsub(/^ +| +$/, "", text)
	if (text == "")
		next
	n++
	name[n] = text
	wide = length(text) * size * 0.58
	if (upright) { # from the bottom to the top
		left[n] = at[1] - 0.72 * size
		right[n] = at[1] + 0.18 * size
		bottom[n] = at[2] + anchor * wide
		top[n] = bottom[n] - wide
	} else {
		left[n] = at[1] - anchor * wide
		right[n] = left[n] + wide
		top[n] = at[2] - 0.72 * size
		bottom[n] = at[2] + 0.18 * size
	}
	if (left[n] < 0 || right[n] > v[3] || top[n] < 0 || bottom[n] > v[4])
		print "cut: '" text "' at " at[1] "," at[2]
	if (size < 14)
		print "too small for a phone: '" text "' of " size " px"
}

END {
	if (v[3] > 640)
		print "wider than 640: a phone would shrink the text below what can be read"
	if (n < 5)
		print "hardly any text: " n + 0
	for (i = 1; i <= n; i++)
		for (j = i + 1; j <= n; j++)
			if (left[i] + 1 < right[j] && left[j] + 1 < right[i] && top[i] + 1 < bottom[j] && top[j] + 1 < bottom[i])
				print "overlap: '" name[i] "' and '" name[j] "'"
}
