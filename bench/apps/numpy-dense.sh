# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='python3: sums of small images in accumulators of 2 MB from numpy.zeros, each written whole'
short=yes
needs=(/usr/bin/python3=python3)
command=(/usr/bin/python3 work.py)
setup() {
	/usr/bin/python3 -c 'import numpy' 2>/dev/null || unsupported "python3 has no numpy; apt-get install python3-numpy"
	cat >work.py <<-'END'
		import numpy
		image = numpy.arange(512 * 512, dtype=numpy.float64).reshape(512, 512) % 7
		total = 0.0
		for step in range(150):
		    accumulator = numpy.zeros((512, 512))
		    for _ in range(3):
		        accumulator += image
		    total += accumulator[step, 0] + accumulator[511, 511]
		print(int(total))
	END
}
expected() { awk 'BEGIN { for (i = 0; i < 150; i++) sum += 3 * (i * 512 % 7 + (512 * 512 - 1) % 7); print sum }'; }
