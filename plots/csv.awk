# SPDX-License-Identifier: MIT
# CSV (quotes, doubled quotes, commas in quotes; no line breaks in fields) to tab-separated.
{
	gsub(/\t/, " ")
	sub(/\r$/, "")
	line = $0
	result = ""
	while (1) {
		if (substr(line, 1, 1) == "\"") {
			value = ""
			line = substr(line, 2)
			while ((at = index(line, "\"")) && substr(line, at + 1, 1) == "\"") {
				value = value substr(line, 1, at)
				line = substr(line, at + 2)
			}
			at = index(line, "\"")
			value = value (at ? substr(line, 1, at - 1) : line)
			line = at ? substr(line, at + 1) : ""
			more = substr(line, 1, 1) == ","
			line = substr(line, 2)
		} else {
			at = index(line, ",")
			more = at > 0
			value = more ? substr(line, 1, at - 1) : line
			line = more ? substr(line, at + 1) : ""
		}
		result = result value
		if (!more)
			break
		result = result "\t"
	}
	print result
}
