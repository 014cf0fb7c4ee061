// SPDX-License-Identifier: MIT
/* conformance-musl CASE: one case of conformance.h, in a program that is linked with musl. */
#include "conformance.h"

int main(int argc, char **argv)
{
	const struct test_case *test;

	conformance_add_all();
	test = argc == 2 ? conformance_find(argv[1]) : NULL;
	if (!test)
		wrong("conformance-musl: give the name of a case, such as '%s'", cases[0].name);
	conformance_run(test);
}
