# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='python3: each step a gradient of zeros (30 MB, numpy.zeros), of which one row in 150 is written'
short=no
needs=(/usr/bin/python3=python3)
command=(/usr/bin/python3 work.py)
setup() {
	/usr/bin/python3 -c 'import numpy' 2>/dev/null || unsupported "python3 has no numpy; apt-get install python3-numpy"
	cat >work.py <<-'END'
		import numpy
		ROWS, WIDTH, STEPS, TOUCHED = 60000, 64, 80, 400
		rng = numpy.random.default_rng(1)
		total = 0.0
		for step in range(STEPS):
		    gradient = numpy.zeros((ROWS, WIDTH))
		    rows = rng.integers(0, ROWS, TOUCHED)
		    numpy.add.at(gradient, rows, 1.0)
		    rows = numpy.unique(rows)
		    total += gradient[rows].sum() + gradient[rows - 1].min()
		print(int(total))
	END
}
expected() { echo $((80 * 400 * 64)); } # each touch adds 1 to 64 columns; a row before an untouched one is 0
