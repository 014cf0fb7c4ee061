# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='gcc -O1: one C file of 120 functions, to assembler'
needs=(gcc=gcc awk=mawk)
command=(gcc -O1 -S -o - large.c)
setup() {
	awk 'BEGIN {
		print "struct s { int a[8]; struct s *next; };"
		for (i = 0; i < 120; i++)
			printf "int f%d(struct s *s, int n)\n{\n\tint sum = %d;\n\n\tfor (; s; s = s->next)\n" \
				"\t\tfor (int i = 0; i < 8; i++)\n\t\t\tsum += s->a[i] %% (n + %d) ? s->a[i] * %d : n;\n" \
				"\treturn sum%s;\n}\n", i, i, i + 1, i + 3, i ? " + f" i - 1 "(s, n)" : ""
	}' >large.c
}
expected() { "${command[@]}"; } # a compiler says the same each time
